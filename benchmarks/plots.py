"""Plots of the scaling series: time against a size, with the floor drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.fit import exponent, series
from benchmarks.results import Row

__all__ = ["draw"]

AXES = {"tokens": "tokens in the batch", "turns": "turns in the batch", "groups": "groups of 8"}


def draw(rows: Sequence[Row], folder: Path, machine: str) -> list[Path]:
    """One picture an axis, ours solid and its floor dashed; small SVG, same bytes each time."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "creditlib"
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    found = series(rows)
    for axis, label in AXES.items():
        chosen = {op: points for (op, name), points in found.items() if name == axis}
        if not chosen:
            continue
        figure, plot = pyplot.subplots(figsize=(6.4, 4.2))
        for number, (op, points) in enumerate(chosen.items()):
            _line(plot, op, points, f"C{number}")
        plot.set(xscale="log", yscale="log", xlabel=label, ylabel="microseconds a call")
        plot.grid(visible=True, which="major", alpha=0.3)
        plot.legend(fontsize=8, loc="upper left", title="exponent; dashed: floor")
        path = folder / f"{machine}-{axis}.svg"
        figure.tight_layout()
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)
        # Trailing blanks are matplotlib's; without them the file passes the checks of the tree.
        path.write_text(re.sub(r"[ \t]+$", "", path.read_text(), flags=re.MULTILINE))
        made.append(path)
    return made


def _line(plot: Any, op: str, points: Sequence[Row], color: str) -> None:
    sizes = [row.x or 1.0 for row in points]
    times = [row.p50_us or 1.0 for row in points]
    label = f"{op}: {exponent(sizes, times):.2f}"
    plot.plot(sizes, times, marker="o", markersize=3, color=color, label=label)
    low, high = ([each or 1.0 for each in side] for side in _spread(points))
    plot.fill_between(sizes, low, high, color=color, alpha=0.15, linewidth=0)
    floors = [row.floor_us or 1.0 for row in points]
    plot.plot(sizes, floors, linestyle="--", linewidth=0.8, color=color)


def _spread(points: Sequence[Row]) -> tuple[list[float | None], list[float | None]]:
    return [row.p20_us for row in points], [row.p80_us for row in points]
