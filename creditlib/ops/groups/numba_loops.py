"""Statistics by group as compiled loops: a hash table numbers the ids, a few passes follow.

Rows that are not selected are never read. The loops add in float64 and in the order of rows, as
distances to the smallest value of the group: equal values are exactly 0 from there on. An absent
argument is an array without elements.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from creditlib.ops.backend.numba_arrays import Array, flat, planes, result_of
from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.groups import reference

__all__ = ["Options", "dense", "number_pairs", "options_of", "relative", "relative_rows"]


# Options as the numbers that compiled code compares; None is 0.
_CENTERS = {None: 0, "mean": 1, "leave_one_out": (_LEAVE_ONE_OUT := 2)}
_SCALES = {None: 0, "std": 1, "mean": (_MEAN := 2)}
_EPS_AT = {"std": (_STD := 0), "variance": (_VARIANCE := 1), "floor": 2}
_LONE = {None: 0, "zero": 1, "raw": (_RAW := 2)}

# (center, scale, ddof, eps, eps_at, variance_eps, lone) as numbers.
Options: TypeAlias = tuple[int, int, int, float, int, float, int]


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
    if variance_eps > 0:
        for g in range(found):
            unit[g] = np.sqrt(unit[g] * unit[g] + variance_eps)
    return unit


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
    units = count
    if scale > 0:
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
        if center > 0:
            value = (x[i] - pivot[g]) - sums / others if others > 0 else 0.0
        alone = lone > 0 and count[g] == 1
        if alone:
            value = x[i] if lone == _RAW else 0.0
        if scale > 0:
            unit = 1.0 if alone else units[g]
            divisor = _regularize(unit, eps, eps_at)
            value = value / divisor if unit != 0 and divisor != 0 else 0.0
        result[i] = value if others > 0 or len(otherwise) == 0 else otherwise[i]


def _pair(keys: Sequence[Tensor], shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The ids as pairs of integers: more than two are numbered first."""
    if len(keys) > 2:
        keys = keys[0].expand(shape), dense(*(key.expand(shape) for key in keys[1:]))
    first = planes(keys[0] if keys else None, np.int64, shape)
    return first, planes(keys[1] if len(keys) > 1 else None, np.int64, shape)


def dense(*keys: Tensor) -> Tensor:
    """The number of the id of each row; the ids are numbered in order of appearance."""
    shape = keys[0].shape
    result = np.empty(shape, dtype=np.int64)
    number_pairs(*_pair(keys, shape), flat(None, np.bool_), result.reshape(-1))
    return torch.from_numpy(result)


@functools.lru_cache(maxsize=256)
def options_of(
    center: str | None = "mean",
    scale: str | None = None,
    ddof: int = 1,
    eps: float = 0.0,
    eps_at: str = "std",
    variance_eps: float = 0.0,
    lone: str | None = None,
) -> Options:
    """The options of `relative` as the numbers that `relative_rows` compares."""
    return (
        _CENTERS[center],
        _SCALES[scale],
        int(ddof),
        eps,
        _EPS_AT[eps_at],
        variance_eps,
        _LONE[lone],
    )


def relative(
    x: Tensor,
    keys: Sequence[Tensor],
    where: Tensor | None,
    *,
    center: str | None = "mean",
    weight: Tensor | None = None,
    leave_out: Tensor | None = None,
    scale: str | None = None,
    ddof: int = 1,
    eps: float = 0.0,
    eps_at: str = "std",
    variance_eps: float = 0.0,
    lone: str | None = None,
    otherwise: Tensor | None = None,
) -> Tensor:
    """Each value relative to its group; the reference computes medians."""
    if center in reference.MEDIANS or scale in reference.ROBUST:
        return reference.relative(
            x, keys, where, center=center, weight=weight, leave_out=leave_out, scale=scale,
            ddof=ddof, eps=eps, eps_at=eps_at, variance_eps=variance_eps, lone=lone,
            otherwise=otherwise,
        )  # fmt: skip
    shape, value = x.shape, flat(x, np.float64)
    result = np.empty(len(value))
    relative_rows(
        value,
        *_pair(keys, shape),
        planes(where, np.bool_, shape),
        planes(weight, np.float64, shape),
        planes(leave_out, np.int64, shape),
        planes(otherwise, np.float64, shape),
        options_of(center, scale, ddof, float(eps), eps_at, float(variance_eps), lone),
        result,
    )
    return result_of(result, shape, x)
