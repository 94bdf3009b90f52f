"""Among peers: a value relative to those with equal keys, their number, extremes and scale."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.ops import groups
from creditlib.ops.groups.reference import group_count as _count
from creditlib.ops.groups.reference import group_max as _max
from creditlib.ops.precision import narrow, wide
from creditlib.vocabulary.messages import check_choice, contract_error, describe_value

__all__ = ["conserved", "group_count", "group_max", "group_scale", "relative"]

_CENTERS = ("mean", "leave_one_out", "median", "median_low", None)
_SCALES = ("std", "mad", "mad_low", "mean", None)
_EPS_AT = ("std", "variance", "floor")
_LONE = ("zero", "raw", None)


def relative(
    x: Tensor,
    *by: Tensor,
    valid: Tensor | None = None,
    where: Tensor | None = None,
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
    backend: str = "auto",
) -> Tensor:
    """Each value relative to its peers: minus their center, over their scale.

        result[i] = (x[i] − center) / (sqrt(scale² + variance_eps) + eps)

    The peers of a value are the selected values with equal keys `by`: integer tensors, compared as
    a tuple. Without keys all selected values are peers. `x` is float[batch], float[batch turn] or
    of any other shape. A key with fewer axes than `x` has the first ones (`group` beside turns);
    an axis of size 1 stands for all (`turn_number[None]`).

    Special cases: center="leave_one_out" is `rloo`; scale="std" is `grpo`; scale="mean" is `maxrl`;
    weight=length is `opo`.

    Degenerate cases: equal values of peers give exactly 0, whatever the value and dtype. A scale of
    0 gives 0. A value that is not selected gets `otherwise`, 0 without it, and changes no other.

    Errors: `center`, `scale`, `eps_at` or `lone` is another word.

    Args:
        x: [batch …]; values of any shape, such as float[batch] or float[batch turn].
        by: int[batch …]; keys: values with equal keys are peers. Without a key all values are.
        valid: bool[batch], the rows that take part; all of them by default.
        where: bool like `x`, the values that take part; all of them by default.
        center: "mean", "leave_one_out" (the mean of the peers without the value), "median",
            "median_low" (of an even number the lower one), or None (nothing is subtracted).
        weight: how much a value counts in the mean, like `x` or with its first axes.
        leave_out: an id; peers with the id of the value are left out of its mean.
        scale: "std", "mad" (median of |x − median|; where it is 0, their mean, or `eps` with
            eps_at="floor"), "mad_low" (the same with the lower medians), "mean" (the mean itself),
            or None. It is that of all peers, without weights.
        ddof: n − ddof divides the squares of the deviation.
        eps: keeps the division finite, where `eps_at` says.
        eps_at: "std" (scale + eps), "variance" (sqrt(scale² + eps)) or "floor" (max(scale, eps)).
        variance_eps: added to the squared scale first.
        lone: what a value without peers gets: None (what the formula gives), "zero", or "raw" (the
            value itself, over a scale of 1).
        otherwise: the result of values that are not selected or have no peers.
        backend: "auto" (triton on CUDA, numba on a CPU if installed, else torch), "torch",
            "numba" or "triton".

    Source: the group baseline of Shao et al. 2024, arXiv:2402.03300, and its variants.

    >>> import torch
    >>> reward, group = torch.tensor([0.0, 0.0, 1.0]), torch.tensor([7, 7, 7])
    >>> relative(reward, group, center="leave_one_out")
    tensor([-0.5000, -0.5000,  1.0000])
    >>> returns, anchor = torch.tensor([[1.0, 0.5], [0.0, 0.0]]), torch.tensor([[5, 6], [5, 8]])
    >>> relative(returns, torch.tensor([0, 0]), anchor)
    tensor([[ 0.5000,  0.0000],
            [-0.5000,  0.0000]])
    """
    check_choice("relative", "center", center, _CENTERS)
    check_choice("relative", "scale", scale, _SCALES)
    check_choice("relative", "eps_at", eps_at, _EPS_AT)
    check_choice("relative", "lone", lone, _LONE)
    return groups.relative(
        x,
        [_key(key, x) for key in by],
        _selected(x, valid, where),
        center=center,
        weight=weight if weight is None else _aligned("weight", weight, x),
        leave_out=leave_out if leave_out is None else _aligned("leave_out", leave_out, x),
        scale=scale,
        ddof=ddof,
        eps=eps,
        eps_at=eps_at,
        variance_eps=variance_eps,
        lone=lone,
        otherwise=otherwise if otherwise is None else _aligned("otherwise", otherwise, x),
        backend=backend,
    )


def group_count(*by: Tensor, where: Tensor, backend: str = "auto") -> Tensor:
    """The number of selected peers of each row, float64[batch].

    Args:
        by: int[batch]; keys: rows with equal keys are peers. Without a key all rows are.
        where: bool[batch]; the rows that take part.
        backend: "auto" (triton on CUDA, numba on a CPU if installed, else torch), "torch",
            "numba" or "triton".

    >>> group_count(torch.tensor([3, 3, 4]), where=torch.tensor([True, True, True]))
    tensor([2., 2., 1.], dtype=torch.float64)
    """
    return _count(_index(by, where, backend), where)


def group_max(x: Tensor, *by: Tensor, where: Tensor, backend: str = "auto") -> Tensor:
    """The largest selected value among the peers of each row, −inf without one; float[batch].

    Args:
        x: float[batch]; a value of each row.
        by: int[batch]; keys: rows with equal keys are peers. Without a key all rows are.
        where: bool[batch]; the rows that take part.
        backend: "auto" (triton on CUDA, numba on a CPU if installed, else torch), "torch",
            "numba" or "triton".

    >>> x, group = torch.tensor([1.0, 9.0, 4.0]), torch.tensor([3, 3, 4])
    >>> group_max(x, group, where=torch.tensor([True, False, True]))
    tensor([1., 1., 4.])
    """
    return _max(x, _index(by, where, backend), where)


def group_scale(
    x: Tensor,
    *by: Tensor,
    where: Tensor,
    scale: str = "std",
    ddof: int = 1,
    backend: str = "auto",
) -> Tensor:
    """The scale of the selected values among the peers of each row; float[batch].

    `divide` divides by the result.

    Args:
        x: float[batch]; a value of each row.
        by: int[batch]; keys: rows with equal keys are peers. Without a key all rows are.
        where: bool[batch]; the rows that take part.
        scale: "std", "mad", "mad_low" or "mean", as in `relative`.
        ddof: n − ddof divides the squares of the deviation, 0 or 1.
        backend: "auto" (triton on CUDA, numba on a CPU if installed, else torch), "torch",
            "numba" or "triton".

    >>> x, group = torch.tensor([1.0, 3.0]), torch.tensor([3, 3])
    >>> group_scale(x, group, where=torch.tensor([True, True]), ddof=0)
    tensor([1., 1.])
    """
    check_choice("group_scale", "scale", scale, _SCALES[:-1])
    index = _index(by, where, backend)
    return groups.group_scale(x, index, where, scale=scale, ddof=ddof, backend=backend)


def conserved(
    x: Tensor,
    *by: Tensor,
    where: Tensor,
    count: Tensor | None = None,
    among: str = "taken",
    cap: float | None = None,
    backend: str = "auto",
) -> Tensor:
    """A weight whose mean among its peers is 1: `x`, at most `cap` means, over the mean.

        result[i] = y[i] · Σ count / Σ (count · y);  y = min(x, cap · mean(x)), or x without a cap

    The sums run over the members of the group of i. All weights of this library that keep a total
    are made by it. Credit that is multiplied by it keeps its total weight.

    Args:
        x: [batch …]; the weight before: float[batch], float[batch turn], float[batch token] or
            packed float[token]. A unit is a trajectory, a turn or a token.
        by: int[batch …]; keys: units with equal keys are peers. Without a key all units are.
        where: bool, like `x` or with its first axes; the units that take part.
        backend: "auto" (triton on CUDA, numba on a CPU if installed, else torch), "torch",
            "numba" or "triton".
        count: how often a unit counts in the mean, such as the tokens of a turn; once by default.
            It has the shape of `x` or its first axes.
        among: "taken" (all selected units are members) or "nonzero" (a unit whose `x` is 0 is no
            member, and gets 0).
        cap: the largest `y`, in means of `x`; None for no limit.

    Degenerate cases: equal values give exactly 1; a mean of 0 gives 1; values that are not selected
    get 0.

    Errors: `among` is another word.

    >>> x, where = torch.tensor([1.0, 3.0]), torch.tensor([True, True])
    >>> conserved(x, where=where)
    tensor([0.5000, 1.5000])
    >>> conserved(x, where=where, cap=0.5)
    tensor([1., 1.])
    >>> conserved(x, where=where, count=torch.tensor([3, 1]))
    tensor([0.6667, 2.0000])
    >>> conserved(torch.tensor([0.0, 2.0, 6.0]), where=torch.tensor([True] * 3), among="nonzero")
    tensor([0.0000, 0.5000, 1.5000])
    """
    check_choice("conserved", "among", among, ("taken", "nonzero"))
    value = wide(x)
    if among == "nonzero":
        where = _aligned("where", where, x) & (x != 0)
    if cap is not None:
        gap = relative(value, *by, where=where, weight=count, backend=backend)
        value = torch.minimum(value, cap * (value - gap))
    # The mean is exactly the value where all values are equal.
    mean = value - relative(value, *by, where=where, weight=count, backend=backend)
    ratio = torch.where(mean > 0, value / mean, torch.ones_like(value))
    return narrow(torch.where(_aligned("where", where, x), ratio, torch.zeros_like(ratio)), x)


def _key(key: Tensor, x: Tensor) -> Tensor:
    if key.is_floating_point():
        raise contract_error("relative", "by", "integer tensors", describe_value(key))
    return key if key.shape == x.shape else _aligned("by", key, x)


def _aligned(name: str, value: Tensor, x: Tensor) -> Tensor:
    """A tensor with the first axes of `x`, as one that broadcasts to `x`."""
    if value.shape == x.shape:
        return value
    missing = x.ndim - value.ndim
    if missing > 0:
        value = value.reshape(*value.shape, *[1] * missing)
    if missing < 0 or any(a != b != 1 for b, a in zip(value.shape, x.shape, strict=True)):
        wanted = f"of the first axes of {tuple(x.shape)}"
        raise contract_error("relative", name, wanted, describe_value(value))
    return value


def _selected(x: Tensor, valid: Tensor | None, where: Tensor | None) -> Tensor | None:
    """The values that take part: those of valid rows, where selected; None for all."""
    if where is None:
        # A tensor of ones would cost more than the loop that reads it.
        return valid if valid is None else _aligned("valid", valid, x)
    where = _aligned("where", where, x)
    return where if valid is None else where & _aligned("valid", valid, x)


def _index(by: tuple[Tensor, ...], where: Tensor, backend: str) -> Tensor:
    if not by:
        return torch.zeros(where.shape, dtype=torch.int64, device=where.device)
    return groups.dense(*by, backend=backend)
