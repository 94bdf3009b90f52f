"""Statistics by group as compiled loops: a hash table numbers the ids, a few passes follow.

Rows that are not selected are never read. The loops add in float64 and in the order of rows, as
distances to the smallest value of the group: equal values are exactly 0 from there on. An absent
argument is an array without elements.
"""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

import numpy as np

from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.groups.numba_medians import median_deviations, medians

__all__ = ["CENTERS", "EPS_AT", "LONE", "SCALES", "number_pairs", "relative_rows", "scale_rows"]

# Options as the numbers that compiled code compares; None is 0.
CENTERS = {
    None: 0,
    "mean": 1,
    "leave_one_out": (_LEAVE_ONE_OUT := 2),
    "median": (_MEDIAN := 3),
    "median_low": (_MEDIAN_LOW := 4),
}
SCALES = {None: 0, "std": 1, "mean": (_MEAN := 2), "mad": (_MAD := 3), "mad_low": (_MAD_LOW := 4)}
EPS_AT = {"std": (_STD := 0), "variance": (_VARIANCE := 1), "floor": (_FLOOR := 2)}
LONE = {None: 0, "zero": 1, "raw": (_RAW := 2)}


@compiled
def _span(ids: Any, where: Any) -> Any:
    """(smallest id, number of ids from it to the largest) of selected rows; a width of 0 for none.

    A width that an int64 cannot hold is negative.
    """
    every = len(where) == 0
    low, high = np.int64(0), np.int64(-1)
    for i in range(len(ids)):
        if every or where[i]:
            if high < low:
                low, high = ids[i], ids[i]
            low, high = min(low, ids[i]), max(high, ids[i])
    return low, high - low + 1


@compiled
def _number_in_table(
    first: Any, second: Any, where: Any, low: int, width: int, stride: int, number: Any
) -> int:
    """`number_pairs` where the pairs are so few that each has its own place in a table."""
    every, single = len(where) == 0, len(second) == 0
    table, found = np.full(width, -1, dtype=np.int32), 0
    for i in range(len(number)):
        if not (every or where[i]):
            number[i] = -1
            continue
        place = first[i] * stride - low
        if not single:
            place += second[i]
        if table[place] < 0:
            table[place] = found
            found += 1
        number[i] = table[place]
    return found


@compiled
def number_pairs(first: Any, second: Any, where: Any, number: Any) -> int:
    """Number the distinct pairs of ids of selected rows in order of appearance; return how many.

    Without a first id all selected rows are one group; a missing second id is 0.
    """
    rows, every, single = len(number), len(where) == 0, len(second) == 0
    if len(first) == 0:
        found = 0
        for i in range(rows):
            number[i] = 0 if every or where[i] else -1
            found = max(found, number[i] + 1)
        return found
    low, width = _span(first, where)
    low_second, width_second = (np.int64(0), np.int64(1)) if single else _span(second, where)
    most = 4 * rows
    if 0 < width <= most and 0 < width_second <= most and width * width_second <= most:
        low_pair = low * width_second + low_second
        return _number_in_table(
            first, second, where, low_pair, width * width_second, width_second, number
        )
    size = 16
    while size < 2 * rows:
        size *= 2
    mask = np.uint64(size - 1)
    slots = np.full(size, -1, dtype=np.int32)
    owner = np.empty(rows, dtype=np.int32)  # the row that a number was given to first
    found, previous = 0, -1
    for i in range(rows):
        if not (every or where[i]):
            number[i] = -1
            continue
        a, b = first[i], np.int64(0) if single else second[i]
        if previous >= 0 and first[previous] == a and (single or second[previous] == b):
            number[i] = number[previous]  # most often a group's rows follow one another
            continue
        # The finaliser of MurmurHash3: every bit of both ids reaches the low bits of the slot.
        h = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b)
        h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
        h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
        slot = (h ^ (h >> np.uint64(33))) & mask
        while True:
            known = slots[slot]
            if known < 0:
                slots[slot] = found
                owner[found] = i
                number[i] = found
                found += 1
                break
            if first[owner[known]] == a and (single or second[owner[known]] == b):
                number[i] = known
                break
            slot = (slot + np.uint64(1)) & mask
        previous = i
    return found


@compiled
def _pivots(x: Any, number: Any, found: int) -> Any:
    """The smallest value of each group."""
    pivot = np.full(found, np.inf)
    for i in range(len(x)):
        g = number[i]
        if g >= 0 and x[i] < pivot[g]:
            pivot[g] = x[i]
    return pivot


@compiled
def _sums(x: Any, weight: Any, number: Any, part: Any, found: int, pivot: Any) -> Any:
    """(mass, pull) of each number: Σ weight and Σ weight · (x − pivot of the row's group)."""
    mass, pull = np.zeros(found), np.zeros(found)
    for i in range(len(x)):
        g = number[i]
        if g >= 0:
            row_weight = weight[i] if len(weight) else 1.0
            mass[part[i]] += row_weight
            pull[part[i]] += row_weight * (x[i] - pivot[g])
    return mass, pull


@compiled
def _units(
    x: Any,
    number: Any,
    pivot: Any,
    count: Any,
    total: Any,
    scale: int,
    ddof: int,
    variance_eps: float,
) -> Any:
    """The scale of each group around its unweighted mean, regularized by variance_eps."""
    found = len(pivot)
    unit = np.zeros(found)
    if scale == _MEAN:
        for g in range(found):
            unit[g] = pivot[g] + total[g] / count[g]
    else:
        for i in range(len(x)):
            g = number[i]
            if g >= 0:
                gap = (x[i] - pivot[g]) - total[g] / count[g]
                unit[g] += gap * gap
        for g in range(found):
            freedom = count[g] - ddof
            unit[g] = np.sqrt(unit[g] / freedom) if freedom > 0 else 0.0
    return _with_variance(unit, variance_eps)


@compiled
def _with_variance(unit: Any, variance_eps: float) -> Any:
    """The scales with `variance_eps` added to their squares."""
    if variance_eps > 0:
        for g in range(len(unit)):
            unit[g] = np.sqrt(unit[g] * unit[g] + variance_eps)
    return unit


@compiled
def _shifted(x: Any, number: Any, pivot: Any) -> Any:
    """The values above the smallest of their group, 0 where not selected."""
    shifted = np.zeros(len(x))
    for i in range(len(x)):
        if number[i] >= 0:
            shifted[i] = x[i] - pivot[number[i]]
    return shifted


@compiled
def _regularize(unit: float, eps: float, eps_at: int) -> float:
    if eps_at == _STD:
        return unit + eps
    if eps_at == _VARIANCE:
        return np.sqrt(unit * unit + eps)
    return eps if unit < eps else unit


@compiled
def relative_rows(
    x: Any,
    first: Any,
    second: Any,
    where: Any,
    weight: Any,
    leave_out: Any,
    otherwise: Any,
    options: Any,
    result: Any,
) -> None:
    """Each value relative to those with its pair of ids; `options` are those of `options_of`."""
    center, scale, ddof, eps, eps_at, variance_eps, lone = options
    number = np.empty(len(x), dtype=np.int32)
    found = number_pairs(first, second, where, number)
    pivot = _pivots(x, number, found)
    count, total = _sums(x, x[:0], number, number, found, pivot)
    mass, pull = count, total
    if len(weight):
        mass, pull = _sums(x, weight, number, number, found, pivot)
    part, own_mass, own_pull = number, mass, pull
    if len(leave_out):
        part = np.empty(len(x), dtype=np.int32)
        parts = number_pairs(number, leave_out, where, part)
        own_mass, own_pull = _sums(x, weight, number, part, parts, pivot)
    units, middle, shifted = count, pivot, x
    if center >= _MEDIAN or scale >= _MAD:
        shifted = _shifted(x, number, pivot)
    if center >= _MEDIAN:
        middle = medians(shifted, number, found, center == _MEDIAN_LOW)
    if scale >= _MAD:
        units = median_deviations(shifted, number, found, scale == _MAD_LOW, eps_at != _FLOOR)
        units = _with_variance(units, variance_eps)
    elif scale > 0:
        units = _units(x, number, pivot, count, total, scale, ddof, variance_eps)
    for i in range(len(x)):
        g = number[i]
        if g < 0:
            result[i] = otherwise[i] if len(otherwise) else 0.0
            continue
        others, sums, value = mass[g], pull[g], x[i]
        if center == _LEAVE_ONE_OUT:
            row_weight = weight[i] if len(weight) else 1.0
            others -= row_weight
            sums -= row_weight * (x[i] - pivot[g])
        elif len(leave_out):
            others, sums = others - own_mass[part[i]], sums - own_pull[part[i]]
        if center >= _MEDIAN:
            value = shifted[i] - middle[g]
        elif center > 0:
            value = (x[i] - pivot[g]) - sums / others if others > 0 else 0.0
        alone = lone > 0 and count[g] == 1
        if alone:
            value = x[i] if lone == _RAW else 0.0
        if scale > 0:
            unit = 1.0 if alone else units[g]
            if scale >= _MAD and eps_at == _FLOOR and unit < eps:
                unit = eps
            divisor = _regularize(unit, eps, eps_at)
            value = value / divisor if unit != 0 and divisor != 0 else 0.0
        result[i] = value if others > 0 or len(otherwise) == 0 else otherwise[i]


@compiled
def scale_rows(x: Any, index: Any, where: Any, low: bool, result: Any) -> None:
    """The median deviation of the group of each row, selected or not; writes `result`."""
    number = np.empty(len(x), dtype=np.int32)
    found = 0
    for i in range(len(x)):
        number[i] = index[i] if where[i] else -1
        found = max(found, index[i] + 1)
    units = median_deviations(
        _shifted(x, number, _pivots(x, number, found)), number, found, low, False
    )
    for i in range(len(x)):
        result[i] = units[index[i]]
