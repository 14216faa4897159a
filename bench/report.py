"""What should come out: the goals, as ratios and times within one run."""

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


def rate(results: Results, way: str, channel: str, latency: int, large: bool = False) -> float:
    """The median rate of a way with the fewest recipients, or with the most, that it was measured with."""
    rows = [r for r in results["ways"] if (r["way"], r["channel"], r["latency"]) == (way, channel, latency)]
    of = max if large else min
    return float(of(rows, key=lambda row: row["recipients"])["rate"]["median"])


def _ratio(way: str, other: str, block: tuple[str, int], large: bool) -> Callable[[Results], float]:
    return lambda results: rate(results, way, *block, large) / rate(results, other, *block, large)


def _growth(of: Callable[[dict[str, Any]], float]) -> Callable[[Results], float]:
    """The largest execution's figure by the smallest's."""

    def ratio(results: Results) -> float:
        rows = [row for row in results["growth"] if row["channel"] == "email"]
        return of(rows[-1]) / of(rows[0])

    return ratio


def operations(row: dict[str, Any]) -> float:
    """Storage operations a message: reads, transactions and queue messages put."""
    return float(sum(row.get(name, 0) for name in ("get", "range", "commit", "put")))


def _entities(results: Results) -> float:
    """Entities beyond three a delivery, by batch of 48, in the worst of the sizes and channels."""
    return float(max((row["entities"] - 3) * 48 for row in results["growth"]))


def _import(results: Results) -> float:
    found = results["imports"]
    return float(found["function_app"]["median"] / found["azure.functions"]["median"])


def _first(results: Results) -> float:
    return float(max(row["first"]["median"] for row in results["latency"] if row["recipients"] == 1))


def _times(channel: str, latency: int, other: str, wanted: float) -> list[Goal]:
    """The product against another way: of a small execution and, where the other is measured with few, of a large
    one against the other's small one, whose rate does not depend on the number."""
    what = f"{channel}, {latency} ms, {{}}: product / {other}"
    return [
        Goal("ways", what.format(size), "≥", wanted, _ratio("product", other, (channel, latency), size == "large"))
        for size in ("small", "large")
    ]


GOALS = [
    *_times("email", 0, "literal", 10),
    *_times("email", 0, "reused", 6),
    *_times("email", 50, "literal", 30),
    *_times("email", 0, "celery", 3),
    *_times("sms", 0, "celery", 3),
    *_times("email", 0, "ceiling", 0.6),
    *_times("email", 50, "ceiling", 0.85),
    *_times("sms", 50, "ceiling", 0.7),
    Goal("growth", "CPU a message, largest / smallest", "≤", 1.15, _growth(lambda row: row["cpu"])),
    Goal("growth", "storage operations a message, largest / smallest", "≤", 1.0, _growth(operations)),
    Goal("growth", "peak memory, largest / smallest", "≤", 1.3, _growth(lambda row: row["peak"])),
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
