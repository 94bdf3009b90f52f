"""Centre and spread by group over one axis `row`, for ids that are any integers.

Everything has static shapes (at most one group per row), so nothing waits for the device.
Rows that are not taken influence nobody and get exactly 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.ops.precision import wide

__all__ = [
    "center",
    "dense",
    "group_max",
    "group_mean",
    "members",
    "scaled",
    "soften",
    "spread",
    "standing",
    "total",
]


def dense(*keys: Tensor) -> Tensor:
    """The rank of each row's id among the distinct ids, [row] -> int64[row]; several keys: tuples.

    >>> dense(torch.tensor([70, -3, 70])).tolist()
    [1, 0, 1]
    >>> dense(torch.tensor([0, 0, 1]), torch.tensor([5, 6, 5])).tolist()
    [0, 1, 2]
    """
    index = _rank(keys[0])
    for key in keys[1:]:
        index = _rank(index * max(key.numel(), 1) + _rank(key))
    return index


def _rank(key: Tensor) -> Tensor:
    ordered, order = torch.sort(key, stable=True)
    step = torch.zeros_like(ordered, dtype=torch.int64)
    step[1:] = (ordered[1:] != ordered[:-1]).to(torch.int64)
    rank = torch.cumsum(step, 0)
    return torch.empty_like(rank).scatter(0, order, rank)


def total(x: Tensor, index: Tensor) -> Tensor:
    """The sum of each row's group, [row] -> [row].

    >>> total(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 1, 0])).tolist()
    [5.0, 2.0, 5.0]
    """
    return torch.zeros_like(x).index_add(0, index, x)[index]


def members(index: Tensor, take: Tensor) -> Tensor:
    """How many taken rows each row's group has, as a float64 count.

    >>> members(torch.tensor([0, 1, 0]), torch.tensor([True, True, False])).tolist()
    [1.0, 1.0, 1.0]
    """
    return total(wide(take), index)


def group_max(x: Tensor, index: Tensor, take: Tensor) -> Tensor:
    """The largest taken value of each row's group, -inf for a group without one.

    >>> group_max(torch.tensor([1.0, 9.0]), torch.tensor([0, 0]), torch.tensor([True, False]))
    tensor([1., 1.])
    """
    floor = torch.full_like(x, -torch.inf)
    return floor.scatter_reduce(0, index, torch.where(take, x, floor), "amax")[index]


def _pivoted(x: Tensor, index: Tensor, take: Tensor) -> tuple[Tensor, Tensor]:
    """Values relative to the group's smallest: a constant group is exactly 0 from here on."""
    pivot = -group_max(-x, index, take)
    return torch.where(take, x - pivot, torch.zeros_like(x)), pivot


def group_mean(x: Tensor, index: Tensor, take: Tensor) -> Tensor:
    """The mean of each row's group, 0 for a group without a taken row.

    >>> group_mean(torch.tensor([1.0, 3.0]), torch.tensor([0, 0]), torch.tensor([True, True]))
    tensor([2., 2.])
    """
    shifted, pivot = _pivoted(x, index, take)
    count = members(index, take).to(x.dtype)
    return torch.where(count > 0, pivot + total(shifted, index) / count, torch.zeros_like(x))


def center(
    x: Tensor,
    index: Tensor,
    take: Tensor,
    *,
    by: str | None = "mean",
    weight: Tensor | None = None,
    leave_out: Tensor | None = None,
) -> Tensor:
    """X minus the centre of its group, [row] -> [row].

        by="mean":           x[i] − Σ w[j] x[j] / Σ w[j]      over the group
        by="leave_one_out":  the same over the group without i
        by="median":         x[i] − median of the group (mean of the middle two)

    `leave_out` names a part of the group (an index like `index`, finer than it) that is left out
    of its own members' mean. A row for which nothing is left to average gets 0.

    >>> center(torch.tensor([1.0, 0.0, 5.0]), torch.tensor([0, 0, 0]), torch.tensor([True] * 3))
    tensor([-1., -2.,  3.])
    """
    zero = torch.zeros_like(x)
    if by is None:
        return torch.where(take, x, zero)
    shifted, _ = _pivoted(x, index, take)
    if by == "median":
        return torch.where(take, shifted - _median(shifted, index, take), zero)
    heft = _heft(x, take, weight)
    mass = _of_others(heft, index, by, leave_out)
    pull = _of_others(heft * shifted, index, by, leave_out)
    return torch.where(take & (mass > 0), shifted - pull / mass, zero)


def _heft(x: Tensor, take: Tensor, weight: Tensor | None) -> Tensor:
    """What each row weighs in a mean, 0 if it is not taken."""
    heft = torch.ones_like(x) if weight is None else weight.to(x.dtype)
    return torch.where(take, heft, torch.zeros_like(x))


def _of_others(x: Tensor, index: Tensor, by: str | None, leave_out: Tensor | None) -> Tensor:
    """The sum of x over each row's group, or over what is left of it without the row's part."""
    whole = total(x, index)
    if by == "leave_one_out":
        return whole - x
    return whole if leave_out is None else whole - total(x, leave_out)


def _median(x: Tensor, index: Tensor, take: Tensor) -> Tensor:
    by_value = torch.argsort(torch.where(take, x, torch.full_like(x, torch.inf)), stable=True)
    order = by_value[torch.argsort(index[by_value], stable=True)]
    ranked = x[order]
    size = torch.zeros_like(index).index_add(0, index, torch.ones_like(index))
    start = (torch.cumsum(size, 0) - size)[index]
    count = members(index, take).to(torch.int64)
    last = max(x.numel() - 1, 0)
    low = (start + (count - 1).clamp(min=0) // 2).clamp(max=last)
    high = (start + count // 2).clamp(max=last)
    return (ranked[low] + ranked[high]) / 2


def spread(x: Tensor, index: Tensor, take: Tensor, *, by: str = "std", ddof: int = 1) -> Tensor:
    """How far the taken values of each row's group lie apart, [row] -> [row].

        by="std":   sqrt( Σ (x − mean)² / (n − ddof) ),  0 where n <= ddof
        by="mad":   median of |x − median|  (no factor 1.4826)
        by="mean":  the mean itself, for rewards that are success rates

    >>> spread(torch.tensor([1.0, 3.0]), torch.tensor([0, 0]), torch.tensor([True, True]), ddof=0)
    tensor([1., 1.])
    """
    if by == "mean":
        return group_mean(x, index, take)
    if by == "mad":
        return _median(center(x, index, take, by="median").abs(), index, take)
    square = center(x, index, take).square()
    freedom = members(index, take).to(x.dtype) - ddof
    variance = torch.where(freedom > 0, total(square, index) / freedom, torch.zeros_like(x))
    return variance.sqrt()


def soften(x: Tensor, eps: float, at: str) -> Tensor:
    """A spread that may divide: at="std" x + eps, "variance" sqrt(x² + eps), "floor" max(x, eps).

    >>> [soften(torch.tensor(3.0), 16.0, at).item() for at in ("std", "variance", "floor")]
    [19.0, 5.0, 16.0]
    """
    if at == "variance":
        return (x.square() + eps).sqrt()
    return x.clamp(min=eps) if at == "floor" else x + eps


def scaled(x: Tensor, by: Tensor, *, eps: float, at: str = "std") -> Tensor:
    """X / soften(by), and exactly 0 where there is no spread: nothing to tell rows apart.

    >>> scaled(torch.tensor([1.0, 1.0]), torch.tensor([2.0, 0.0]), eps=0.0)
    tensor([0.5000, 0.0000])
    """
    divisor = soften(by, eps, at)
    return torch.where((by != 0) & (divisor != 0), x / divisor, torch.zeros_like(x))


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
    """Where each value stands in its group: centred, and divided by the group's spread.

        (x[i] − centre) / (sqrt(spread² + variance_eps) + eps)      eps goes where `at` says

    A group is the rows with equal keys: ids that are any integers, compared as a tuple; without
    keys all rows are one group. `x` has any shape, to which keys, weight, leave_out and otherwise
    broadcast; the result has that shape, in float64.

    `by`, `weight`: the centre, as in `center`. `leave_out`: an id; the rows of the group that have
    the row's own id are left out of its mean. `scale`, `ddof`: the spread of all taken rows of the
    group, unweighted, as in `spread`. A row without spread gets exactly 0. `lone`: a row that is
    the only one taken of its group gets 0 ("zero") or its value over a spread of 1 ("raw").
    Rows that are not taken, or have nothing left to be compared with, get `otherwise`, 0 without.

    >>> group, all_of_them = torch.tensor([7, 7, 7]), torch.tensor([True, True, True])
    >>> standing(torch.tensor([0.0, 1.0, 2.0]), (group,), all_of_them, scale="std")
    tensor([-1.,  0.,  1.], dtype=torch.float64)
    """
    value, take = wide(x).reshape(-1), take.reshape(-1)
    level = [key.expand(x.shape).reshape(-1) for key in keys]
    index = dense(*level) if level else torch.zeros_like(take, dtype=torch.int64)
    weight = None if weight is None else weight.expand(x.shape).reshape(-1)
    part = None if leave_out is None else dense(index, leave_out.expand(x.shape).reshape(-1))
    alone = take & (members(index, take) == 1) if lone else torch.zeros_like(take)
    keep = value if lone == "raw" else torch.zeros_like(value)
    result = center(value, index, take, by=by, weight=weight, leave_out=part)
    result = torch.where(alone, keep, result)
    if scale is not None:
        unit = spread(value, index, take, by=scale, ddof=ddof)
        unit = soften(unit, variance_eps, "variance") if variance_eps else unit
        unit = torch.where(alone, torch.ones_like(unit), unit)
        result = scaled(result, unit, eps=eps, at=at)
    if otherwise is not None:
        compared = take & (_of_others(_heft(value, take, weight), index, by, part) > 0)
        result = torch.where(compared, result, otherwise.expand(x.shape).reshape(-1))
    return result.view(x.shape)
