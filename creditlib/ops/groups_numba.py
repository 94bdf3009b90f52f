"""Statistics by group as compiled loops: ids become numbers in a hash table, then a few passes.

Rows that are not taken are never looked at, and everything is added in float64 in the order of
rows, as distances to the smallest value of the group: equal values are exactly 0 from there on.
"""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.ops import groups
from creditlib.ops._compiled_numba import compiled

__all__ = ["dense", "standing"]


# Options as the numbers that compiled code compares; None is 0.
_CENTERS = {None: 0, "mean": 1, "leave_one_out": (_LEAVE_ONE_OUT := 2)}
_SCALES = {None: 0, "std": 1, "mean": (_MEAN := 2)}
_EPS_AT = {"std": (_STD := 0), "variance": (_VARIANCE := 1), "floor": 2}
_LONE = {None: 0, "zero": 1, "raw": (_RAW := 2)}


@compiled
def _number(first: Any, second: Any, take: Any, number: Any) -> int:
    """Number the distinct pairs of ids of taken rows from 0, in order of appearance; how many."""
    rows = len(number)
    size = 16
    while size < 2 * rows:
        size *= 2
    mask = np.uint64(size - 1)
    slots = np.full(size, -1, dtype=np.int32)
    owner = np.empty(rows, dtype=np.int32)  # the row that a number was given to first
    found, previous = 0, -1
    for i in range(rows):
        if not take[i]:
            number[i] = -1
            continue
        a, b = first[i], second[i]
        if previous >= 0 and first[previous] == a and second[previous] == b:
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
            if first[owner[known]] == a and second[owner[known]] == b:
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
            heft = weight[i] if len(weight) else 1.0
            mass[part[i]] += heft
            pull[part[i]] += heft * (x[i] - pivot[g])
    return mass, pull


@compiled
def _spreads(
    x: Any, number: Any, pivot: Any, count: Any, total: Any, by: int, ddof: int, variance_eps: float
) -> Any:
    """The spread of each group around its plain mean, softened by variance_eps."""
    found = len(pivot)
    spread = np.zeros(found)
    if by == _MEAN:
        for g in range(found):
            spread[g] = pivot[g] + total[g] / count[g]
    else:
        for i in range(len(x)):
            g = number[i]
            if g >= 0:
                away = (x[i] - pivot[g]) - total[g] / count[g]
                spread[g] += away * away
        for g in range(found):
            freedom = count[g] - ddof
            spread[g] = np.sqrt(spread[g] / freedom) if freedom > 0 else 0.0
    if variance_eps > 0:
        for g in range(found):
            spread[g] = np.sqrt(spread[g] * spread[g] + variance_eps)
    return spread


@compiled
def _soften(spread: float, eps: float, at: int) -> float:
    if at == _STD:
        return spread + eps
    if at == _VARIANCE:
        return np.sqrt(spread * spread + eps)
    return eps if spread < eps else spread


@compiled
def _stand(
    x: Any,
    first: Any,
    second: Any,
    take: Any,
    by: int,
    weight: Any,
    leave_out: Any,
    scale: int,
    ddof: int,
    eps: float,
    at: int,
    variance_eps: float,
    lone: int,
    otherwise: Any,
    result: Any,
) -> None:
    number = np.empty(len(x), dtype=np.int32)
    found = _number(first, second, take, number)
    pivot = _pivots(x, number, found)
    count, total = _sums(x, x[:0], number, number, found, pivot)
    mass, pull = count, total
    if len(weight):
        mass, pull = _sums(x, weight, number, number, found, pivot)
    part, own_mass, own_pull = number, mass, pull
    if len(leave_out):
        part = np.empty(len(x), dtype=np.int32)
        parts = _number(number, leave_out, take, part)
        own_mass, own_pull = _sums(x, weight, number, part, parts, pivot)
    spread = count
    if scale > 0:
        spread = _spreads(x, number, pivot, count, total, scale, ddof, variance_eps)
    for i in range(len(x)):
        g = number[i]
        if g < 0:
            result[i] = otherwise[i] if len(otherwise) else 0.0
            continue
        others, sums, value = mass[g], pull[g], x[i]
        if by == _LEAVE_ONE_OUT:
            heft = weight[i] if len(weight) else 1.0
            others -= heft
            sums -= heft * (x[i] - pivot[g])
        elif len(leave_out):
            others, sums = others - own_mass[part[i]], sums - own_pull[part[i]]
        if by > 0:
            value = (x[i] - pivot[g]) - sums / others if others > 0 else 0.0
        alone = lone > 0 and count[g] == 1
        if alone:
            value = x[i] if lone == _RAW else 0.0
        if scale > 0:
            unit = 1.0 if alone else spread[g]
            divisor = _soften(unit, eps, at)
            value = value / divisor if unit != 0 and divisor != 0 else 0.0
        result[i] = value if others > 0 or len(otherwise) == 0 else otherwise[i]


def _whole(x: Tensor | None, like: Tensor, dtype: torch.dtype) -> np.ndarray[Any, Any]:
    """A tensor broadcast to the shape of another as one flat array; empty for None."""
    if x is None:
        return np.empty(0, dtype=np.float64 if dtype == torch.float64 else np.int64)
    return x.detach().expand(like.shape).to(dtype).reshape(-1).contiguous().numpy()


def _pair(keys: tuple[Tensor, ...], like: Tensor) -> tuple[np.ndarray[Any, Any], Any]:
    """Ids as pairs of integers: nobody's second id is 0, and a third one makes new numbers."""
    if len(keys) > 2:
        keys = keys[0], dense(*(key.expand(like.shape) for key in keys[1:]))
    level = [_whole(key, like, torch.int64) for key in keys]
    while len(level) < 2:
        level.append(np.zeros(like.numel(), dtype=np.int64))
    return level[0], level[1]


def dense(*keys: Tensor) -> Tensor:
    """Twin of `groups.dense`; numbers count the distinct ids in order of appearance."""
    like = keys[0]
    result = torch.empty(like.shape, dtype=torch.int64)
    _number(*_pair(keys, like), np.ones(like.numel(), dtype=np.bool_), result.view(-1).numpy())
    return result


def standing(
    x: Tensor,
    keys: tuple[Tensor, ...],
    take: Tensor,
    *,
    by: str | None = "mean",
    weight: Tensor | None = None,
    leave_out: Tensor | None = None,
    scale: str | None = None,
    ddof: int = 1,
    eps: float = 0.0,
    at: str = "std",
    variance_eps: float = 0.0,
    lone: str | None = None,
    otherwise: Tensor | None = None,
) -> Tensor:
    """Twin of `groups.standing`; medians are the reference's."""
    if by == "median" or scale == "mad":
        options: dict[str, Any] = {"weight": weight, "leave_out": leave_out, "otherwise": otherwise}
        options |= {"by": by, "scale": scale, "ddof": ddof, "eps": eps, "at": at, "lone": lone}
        return groups.standing(x, keys, take, variance_eps=variance_eps, **options)
    double = torch.float64
    result = torch.empty(x.shape, dtype=double)
    _stand(
        _whole(x, x, double),
        *_pair(keys, x),
        _whole(take, x, torch.bool),
        _CENTERS[by],
        _whole(weight, x, double),
        _whole(leave_out, x, torch.int64),
        _SCALES[scale],
        ddof,
        float(eps),
        _EPS_AT[at],
        float(variance_eps),
        _LONE[lone],
        _whole(otherwise, x, double),
        result.view(-1).numpy(),
    )
    return result
