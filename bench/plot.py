"""The plot: messages a second by way, a panel for each channel and latency."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

COLOURS = {"product": "#1f6feb"}
OTHER = "#9aa4b2"


def draw(rows: list[dict[str, Any]], file: Path) -> None:
    """Write the plot as SVG; of each way the row with the fewest recipients."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "bench"  # the same figures give the same file
    panels = [(channel, latency) for channel in ("email", "sms") for latency in (0, 50)]
    figure, axes = plt.subplots(2, 2, figsize=(9, 5.5), layout="constrained")
    for axis, (channel, latency) in zip(axes.flat, panels, strict=True):
        found: dict[str, dict[str, Any]] = {}
        for row in sorted(rows, key=lambda one: -one["recipients"]):
            if (row["channel"], row["latency"]) == (channel, latency):
                found[row["way"]] = row["rate"]
        names = list(found)
        middle = [found[name]["median"] for name in names]
        spread = [
            [found[name]["median"] - found[name]["min"] for name in names],
            [found[name]["max"] - found[name]["median"] for name in names],
        ]
        colours = [COLOURS.get(name, OTHER) for name in names]
        bars = axis.barh(names, middle, xerr=spread, color=colours, ecolor="#57606a")
        axis.bar_label(bars, fmt="{:,.0f}", padding=6, fontsize=8)
        axis.invert_yaxis()
        axis.margins(x=0.18)
        axis.set_title(f"{channel}, provider latency {latency} ms", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("messages a second", fontsize=9)
    figure.savefig(file, format="svg", metadata={"Date": None})
