"""Center and scale by group over one axis `row`, for ids that are any integers.

Every shape is static (at most one group for each row), so no operation waits for the device.
Rows that are not selected change no other row and get exactly 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from creditlib.ops.precision import narrow, wide
from creditlib.vocabulary.messages import check_choice

__all__ = [
    "MEDIANS",
    "ROBUST",
    "centered",
    "dense",
    "divide",
    "group_count",
    "group_max",
    "group_mean",
    "group_scale",
    "group_sum",
    "regularize",
    "relative",
]

# Centers and scales that need an order of the values.
MEDIANS = ("median", "median_low")
ROBUST = ("mad", "mad_low")


def dense(*keys: Tensor) -> Tensor:
    """The rank of the id of each row among the distinct ids, [row] -> int64[row].

    Several keys are compared as a tuple.

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


def group_sum(x: Tensor, index: Tensor) -> Tensor:
    """The sum of the group of each row, [row] -> [row].

    >>> group_sum(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 1, 0])).tolist()
    [5.0, 2.0, 5.0]
    """
    return torch.zeros_like(x).index_add(0, index, x)[index]


def group_count(index: Tensor, where: Tensor) -> Tensor:
    """The number of selected rows in the group of each row, as float64.

    >>> group_count(torch.tensor([0, 1, 0]), torch.tensor([True, True, False])).tolist()
    [1.0, 1.0, 1.0]
    """
    return group_sum(wide(where), index)


def group_max(x: Tensor, index: Tensor, where: Tensor) -> Tensor:
    """The largest selected value in the group of each row, -inf for a group without one.

    >>> group_max(torch.tensor([1.0, 9.0]), torch.tensor([0, 0]), torch.tensor([True, False]))
    tensor([1., 1.])
    """
    floor = torch.full_like(x, -torch.inf)
    return floor.scatter_reduce(0, index, torch.where(where, x, floor), "amax")[index]


def _above_minimum(x: Tensor, index: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """The values minus the minimum of their group, and that minimum.

    A constant group is exactly 0 from here on.
    """
    minimum = -group_max(-x, index, where)
    return torch.where(where, x - minimum, torch.zeros_like(x)), minimum


def group_mean(x: Tensor, index: Tensor, where: Tensor) -> Tensor:
    """The mean of the group of each row, 0 for a group without a selected row.

    >>> group_mean(torch.tensor([1.0, 3.0]), torch.tensor([0, 0]), torch.tensor([True, True]))
    tensor([2., 2.])
    """
    shifted, minimum = _above_minimum(x, index, where)
    count = group_count(index, where).to(x.dtype)
    mean = minimum + group_sum(shifted, index) / count
    return torch.where(count > 0, mean, torch.zeros_like(x))


def centered(
    x: Tensor,
    index: Tensor,
    where: Tensor,
    *,
    center: str | None = "mean",
    weight: Tensor | None = None,
    leave_out: Tensor | None = None,
) -> Tensor:
    """The value of each row minus the center of its group, [row] -> [row].

        center="mean":           x[i] − Σ w[j] x[j] / Σ w[j]      over the group
        center="leave_one_out":  the same over the group without i
        center="median":         x[i] − median of the group (the mean of the middle two)
        center="median_low":     x[i] − the lower of the middle two

    `leave_out` names a part of the group: an index like `index`, finer than it. The part of a row
    does not enter its own mean. A row with no other row left to average gets 0.

    >>> centered(torch.tensor([1.0, 0.0, 5.0]), torch.tensor([0, 0, 0]), torch.tensor([True] * 3))
    tensor([-1., -2.,  3.])
    """
    if center is None:
        return torch.where(where, x, torch.zeros_like(x))
    shifted, _ = _above_minimum(x, index, where)
    return _centered(shifted, index, where, center, weight, leave_out)


def _centered(
    shifted: Tensor,
    index: Tensor,
    where: Tensor,
    center: str | None,
    weight: Tensor | None,
    leave_out: Tensor | None,
) -> Tensor:
    """`centered` of values whose group minimum is 0."""
    zero = torch.zeros_like(shifted)
    if center in MEDIANS:
        middle = _median(shifted, index, where, low=center == "median_low")
        return torch.where(where, shifted - middle, zero)
    weights = _row_weights(shifted, where, weight)
    weight_sum = _sum_of_others(weights, index, center, leave_out)
    value_sum = _sum_of_others(weights * shifted, index, center, leave_out)
    return torch.where(where & (weight_sum > 0), shifted - value_sum / weight_sum, zero)


def _row_weights(x: Tensor, where: Tensor, weight: Tensor | None) -> Tensor:
    """The weight of each row in a mean, 0 for a row that is not selected."""
    weights = torch.ones_like(x) if weight is None else weight.to(x.dtype)
    return torch.where(where, weights, torch.zeros_like(x))


def _sum_of_others(
    x: Tensor, index: Tensor, center: str | None, leave_out: Tensor | None
) -> Tensor:
    """The sum of the group of each row, without the part that the row leaves out."""
    total = group_sum(x, index)
    if center == "leave_one_out":
        return total - x
    return total if leave_out is None else total - group_sum(x, leave_out)


def _median(x: Tensor, index: Tensor, where: Tensor, *, low: bool = False) -> Tensor:
    by_value = torch.argsort(torch.where(where, x, torch.full_like(x, torch.inf)), stable=True)
    order = by_value[torch.argsort(index[by_value], stable=True)]
    ranked = x[order]
    size = torch.zeros_like(index).index_add(0, index, torch.ones_like(index))
    start = (torch.cumsum(size, 0) - size)[index]
    count = group_count(index, where).to(torch.int64)
    last = max(x.numel() - 1, 0)
    lower = ranked[(start + (count - 1).clamp(min=0) // 2).clamp(max=last)]
    if low:
        return lower
    return (lower + ranked[(start + count // 2).clamp(max=last)]) / 2


def group_scale(
    x: Tensor, index: Tensor, where: Tensor, *, scale: str = "std", ddof: int = 1
) -> Tensor:
    """The scale of the selected values in the group of each row, [row] -> [row].

        scale="std":   sqrt( Σ (x − mean)² / (n − ddof) ),  0 where n <= ddof
        scale="mad":      median of |x − median|, without the factor 1.4826
        scale="mad_low":  the same with the lower of the middle two, twice
        scale="mean":  the mean itself, for rewards that are success rates

    >>> pair, both = torch.tensor([0, 0]), torch.tensor([True, True])
    >>> group_scale(torch.tensor([1.0, 3.0]), pair, both, ddof=0)
    tensor([1., 1.])
    """
    if scale == "mean":
        return group_mean(x, index, where)
    if scale in ROBUST:
        low = scale == "mad_low"
        gap = centered(x, index, where, center="median_low" if low else "median").abs()
        return _median(gap, index, where, low=low)
    return _deviation(centered(x, index, where), index, where, ddof)


def _deviation(gap: Tensor, index: Tensor, where: Tensor, ddof: int) -> Tensor:
    """The standard deviation of each group from the distances to its mean."""
    freedom = group_count(index, where).to(gap.dtype) - ddof
    square = group_sum(gap.square(), index)
    return torch.where(freedom > 0, square / freedom, torch.zeros_like(gap)).sqrt()


def _unless_zero(unit: Tensor, x: Tensor, index: Tensor, where: Tensor, scale: str) -> Tensor:
    """A median deviation, and the mean one where more than half of a group agree.

    There the median deviation is 0 and says nothing of those that do not agree.
    """
    center = "median_low" if scale == "mad_low" else "median"
    gap = centered(x, index, where, center=center).abs()
    return torch.where(unit > 0, unit, group_mean(gap, index, where))


def regularize(scale: Tensor, eps: float, eps_at: str) -> Tensor:
    """A scale that may divide: scale + eps, or as `eps_at` says.

        eps_at="std":       scale + eps
        eps_at="variance":  sqrt(scale² + eps)
        eps_at="floor":     max(scale, eps)

    >>> scale = torch.tensor(3.0)
    >>> [regularize(scale, 16.0, eps_at).item() for eps_at in ("std", "variance", "floor")]
    [19.0, 5.0, 16.0]
    """
    if eps_at == "std":
        return scale + eps
    check_choice("divide", "eps_at", eps_at, ("std", "variance", "floor"))
    return scale.clamp(min=eps) if eps_at == "floor" else (scale.square() + eps).sqrt()


def divide(x: Tensor, scale: Tensor, *, eps: float, eps_at: str = "std") -> Tensor:
    """The value `x` over its regularized `scale`, and exactly 0 where the scale is 0.

    Args:
        x: [batch …]; centered values.
        scale: [batch …]; the divisor of each value, at least 0.
        eps: keeps the division finite; it has the unit of the scale.
        eps_at: where `eps` is added: "std" (scale + eps), "variance" (sqrt(scale² + eps)) or
            "floor" (max(scale, eps)).

    >>> divide(torch.tensor([1.0, 1.0]), torch.tensor([2.0, 0.0]), eps=0.0)
    tensor([0.5000, 0.0000])
    """
    divisor = regularize(scale, eps, eps_at)
    return torch.where((scale != 0) & (divisor != 0), x / divisor, torch.zeros_like(x))


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
    """Each value relative to its group: minus a center, over a scale, computed in float64.

        (x[i] − center) / (sqrt(scale² + variance_eps) + eps)      eps goes where `eps_at` says

    A group is the rows with equal keys: ids that are any integers, compared as a tuple. Without
    keys all rows are one group; without `where` all rows take part. `x` has any shape; keys,
    weight, leave_out and otherwise broadcast to it. `creditlib.algebra.relative` documents every
    option. The result is float32, and float64 for float64 values.

    >>> group, every = torch.tensor([7, 7, 7]), torch.tensor([True, True, True])
    >>> relative(torch.tensor([0.0, 1.0, 2.0]), (group,), every, scale="std")
    tensor([-1.,  0.,  1.])
    """
    value = wide(x).reshape(-1)
    if where is None:
        where = torch.ones_like(x, dtype=torch.bool)
    where = where.expand(x.shape).reshape(-1)
    flat = [key.expand(x.shape).reshape(-1) for key in keys]
    index = dense(*flat) if flat else torch.zeros_like(where, dtype=torch.int64)
    weight = None if weight is None else weight.expand(x.shape).reshape(-1)
    part = None if leave_out is None else dense(index, leave_out.expand(x.shape).reshape(-1))
    result = torch.where(where, value, torch.zeros_like(value))
    if center is not None:
        shifted, _ = _above_minimum(value, index, where)
        result = _centered(shifted, index, where, center, weight, part)
    gap = result if center == "mean" and weight is None and part is None else None
    alone = where & (group_count(index, where) == 1) if lone else torch.zeros_like(where)
    result = torch.where(alone, value if lone == "raw" else torch.zeros_like(value), result)
    if scale is not None:
        if scale == "std" and gap is not None:
            unit = _deviation(gap, index, where, ddof)
        else:
            unit = group_scale(value, index, where, scale=scale, ddof=ddof)
        if scale in ROBUST and eps_at != "floor":
            unit = _unless_zero(unit, value, index, where, scale)
        unit = regularize(unit, variance_eps, "variance") if variance_eps else unit
        unit = torch.where(alone, torch.ones_like(unit), unit)
        floored = scale in ROBUST and eps_at == "floor"
        result = divide(result, unit.clamp(min=eps) if floored else unit, eps=eps, eps_at=eps_at)
    if otherwise is not None:
        others = _sum_of_others(_row_weights(value, where, weight), index, center, part)
        compared = where & (others > 0)
        result = torch.where(compared, result, otherwise.expand(x.shape).reshape(-1))
    return narrow(result.view(x.shape), x)
