"""Exponents: how fast a time grows with a size, fitted over all sizes of a series."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["exponent", "series"]

from benchmarks.results import Row


def exponent(sizes: Sequence[float], times: Sequence[float]) -> float:
    """The slope of log time over log size, least squares.

    >>> round(exponent([1, 10, 100], [3, 30, 300]), 6)
    1.0
    """
    x = [math.log(size) for size in sizes]
    y = [math.log(time) for time in times]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - mean_x) ** 2 for a in x)
    if spread == 0:
        raise ValueError("one size has no exponent")
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread


def series(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """(operation, axis) -> its points by size; ours with fresh results, one machine's rows."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.axis and row.contestant == "creditlib" and row.x and row.p50_us:
            found.setdefault((row.op, row.axis), []).append(row)
    for points in found.values():
        points.sort(key=lambda row: row.x or 0.0)
    return {key: points for key, points in found.items() if len({row.x for row in points}) > 1}
