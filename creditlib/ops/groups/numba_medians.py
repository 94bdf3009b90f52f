"""Medians by group as compiled loops: the values of a group side by side, then sorted."""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

import numpy as np

from creditlib.ops.backend.numba_compile import compiled

__all__ = ["median_deviations", "medians"]


@compiled
def medians(x: Any, number: Any, found: int, low: bool) -> Any:
    """The median of the selected values of each group; `low` takes the lower of the middle two."""
    start = np.zeros(found + 1, dtype=np.int64)
    for i in range(len(x)):
        if number[i] >= 0:
            start[number[i] + 1] += 1
    for g in range(found):
        start[g + 1] += start[g]
    place, side_by_side = start[:found].copy(), np.empty(start[found])
    for i in range(len(x)):
        g = number[i]
        if g >= 0:
            side_by_side[place[g]] = x[i]
            place[g] += 1
    result = np.zeros(found)
    for g in range(found):
        size = start[g + 1] - start[g]
        if size:
            values = np.sort(side_by_side[start[g] : start[g + 1]])
            lower = values[(size - 1) // 2]
            result[g] = lower if low else (lower + values[size // 2]) / 2
    return result


@compiled
def median_deviations(x: Any, number: Any, found: int, low: bool, or_mean: bool) -> Any:
    """The median |x − median| of each group; where it is 0, their mean if `or_mean`."""
    middle, gap = medians(x, number, found, low), np.zeros(len(x))
    for i in range(len(x)):
        if number[i] >= 0:
            gap[i] = abs(x[i] - middle[number[i]])
    unit = medians(gap, number, found, low)
    if or_mean:
        count, total = np.zeros(found), np.zeros(found)
        for i in range(len(x)):
            if number[i] >= 0:
                count[number[i]] += 1
                total[number[i]] += gap[i]
        for g in range(found):
            if unit[g] == 0:
                unit[g] = total[g] / count[g]
    return unit
