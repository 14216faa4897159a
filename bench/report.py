"""What came out: the goals, one table, JSON and the plot."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Results = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """A ratio or a time that a part of the bench measures, and what it should be."""

    part: str
    what: str
    sign: str
    wanted: float
    measure: Callable[[Results], float]


def rate(results: Results, way: str, channel: str, latency: int) -> float:
    """The median rate of a way with the fewest recipients that all ways have."""
    rows = [r for r in results["ways"] if (r["way"], r["channel"], r["latency"]) == (way, channel, latency)]
    return float(min(rows, key=lambda row: row["recipients"])["rate"]["median"])


def _ratio(way: str, other: str, channel: str, latency: int) -> Callable[[Results], float]:
    return lambda results: rate(results, way, channel, latency) / rate(results, other, channel, latency)


def _growth(name: str) -> Callable[[Results], float]:
    return lambda results: results["growth"][-1][name] / results["growth"][0][name]


def _entities(results: Results) -> float:
    """Entities beyond three a delivery, by batch of 48, in the worst of the sizes."""
    return float(max((row["entities"] - 3) * 48 for row in results["growth"]))


def _operations(results: Results) -> float:
    def operations(row: dict[str, float]) -> float:
        return sum(row.get(name, 0) for name in ("get", "range", "commit", "put"))

    return operations(results["growth"][-1]) / operations(results["growth"][0])


def _import(results: Results) -> float:
    found = results["imports"]
    return float(found["function_app"]["median"] / found["azure.functions"]["median"])


def _first(results: Results) -> float:
    return float(max(row["first"]["median"] for row in results["latency"] if row["recipients"] == 1))


def _times(channel: str, latency: int, other: str, sign: str, wanted: float) -> Goal:
    what = f"{channel}, {latency} ms: product / {other}"
    return Goal("ways", what, sign, wanted, _ratio("product", other, channel, latency))


GOALS = [
    _times("email", 0, "literal", "≥", 10),
    _times("email", 0, "reused", "≥", 6),
    _times("email", 50, "literal", "≥", 30),
    _times("email", 0, "celery", "≥", 3),
    _times("sms", 0, "celery", "≥", 3),
    _times("email", 0, "ceiling", "≥", 0.6),
    _times("email", 50, "ceiling", "≥", 0.85),
    _times("sms", 50, "ceiling", "≥", 0.7),
    Goal("growth", "CPU a message, largest / smallest", "≤", 1.15, _growth("cpu")),
    Goal("growth", "storage operations a message, largest / smallest", "≤", 1.0, _operations),
    Goal("growth", "peak memory, largest / smallest", "≤", 1.3, _growth("peak")),
    Goal("growth", "entities a batch beyond three a delivery", "≤", 6, _entities),
    Goal("imports", "importing function_app / azure.functions alone", "≤", 3, _import),
    Goal("latency", "one person: seconds from the answer to the provider", "≤", 0.5, _first),
]


def goals(results: Results) -> list[dict[str, Any]]:
    """Every goal whose part was measured: goal, measured, met or not."""
    rows = []
    for one in GOALS:
        if one.part in results:
            measured = one.measure(results)
            met = measured >= one.wanted if one.sign == "≥" else measured <= one.wanted
            goal = f"{one.what} {one.sign} {one.wanted:g}"
            rows.append({"goal": goal, "measured": round(measured, 3), "met": met})
    return rows


def table(results: Results) -> list[str]:
    """The figures as lines for people."""
    lines = [f"{'way':8} {'':6} {'latency':>7} {'people':>7} {'messages/s (min-max)':>26} {'CPU µs/message':>15}"]
    for row in results.get("ways", []):
        one, cpu = row["rate"], row["cpu"]
        rates = f"{one['median']:,.0f} ({one['min']:,.0f}-{one['max']:,.0f})"
        what = f"{row['way']:8} {row['channel']:6} {row['latency']:>4} ms {row['recipients']:>7,}"
        lines.append(f"{what} {rates:>26} {cpu['median']:>15,.0f}")
    verdicts = {True: "met", False: "NOT MET"}
    return lines + [f"{verdicts[row['met']]:8} {row['measured']:>8}  {row['goal']}" for row in goals(results)]
