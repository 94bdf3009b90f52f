"""The parts of methods: values relative to their peers, returns, weights, tokens.

Every function chooses its backend by itself (`backend="auto"`) and takes tensors as they are: axes
are batch, turn, token. Options have the names that the estimators use. A result is float32, and
float64 if a value was float64: a method of several steps begins with `wide`, so that it rounds
once, at its end.

    def rloo(*, reward, group, valid=None):
        return relative(reward, group, valid=valid, center="leave_one_out")
"""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.ops import groups, returns, scans, tokens
from creditlib.ops import whiten as whiten_ops
from creditlib.ops.groups.reference import divide
from creditlib.ops.groups.reference import group_count as _count
from creditlib.ops.groups.reference import group_max as _max
from creditlib.ops.groups.reference import group_scale as _scale
from creditlib.ops.masks import valid_rows, valid_turns
from creditlib.ops.precision import as_float, narrow, wide
from creditlib.ops.scans.reference import shift_left
from creditlib.ops.tokens.reference import check_layout
from creditlib.ops.whiten.reference import standardize
from creditlib.vocabulary.breaks import breaks
from creditlib.vocabulary.contract import can_read_values, checked
from creditlib.vocabulary.messages import contract_error, describe_value
from creditlib.vocabulary.out import check_out
from creditlib.vocabulary.words import (
    Advantage,
    AnyCredit,
    Backend,
    MeanAndScale,
    Offsets,
    Out,
    TokenValues,
    TokenWeight,
    Turn,
    TurnCount,
    TurnCredit,
    Turns,
    TurnSums,
    VarianceEps,
    Weight,
)

__all__ = [
    "conserved",
    "divide",
    "group_count",
    "group_max",
    "group_scale",
    "hard_min_weights",
    "next_turn",
    "per_turn",
    "relative",
    "returns_to_go",
    "running_min",
    "softmin_weights",
    "standardize",
    "to_tokens",
    "turn_sum",
    "valid_rows",
    "valid_turns",
    "whiten",
    "whitening_stats",
    "wide",
]


# --- among peers ----------------------------------------------------------------------------------


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

    Options:
        valid: bool[batch], the rows that take part; all of them by default.
        where: bool like `x`, the values that take part; all of them by default.
        center: "mean", "leave_one_out" (the mean of the peers without the value), "median", or None
            (nothing is subtracted).
        weight: how much a value counts in the mean, like `x` or with its first axes.
        leave_out: an id; peers with the id of the value are left out of its mean.
        scale: "std", "mad" (median of |x − median|), "mean" (the mean itself), or None. It is that
            of all peers, without weights.
        ddof: n − ddof divides the squares of the deviation.
        eps: keeps the division finite, where `eps_at` says.
        eps_at: "std" (scale + eps), "variance" (sqrt(scale² + eps)) or "floor" (max(scale, eps)).
        variance_eps: added to the squared scale first.
        lone: what a value without peers gets: None (what the formula gives), "zero", or "raw" (the
            value itself, over a scale of 1).
        otherwise: the result of values that are not selected or have no peers.
        backend: "auto", "torch", "numba" or "triton".

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
    result = groups.relative(
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
    return result if x.dtype is torch.float64 else result.to(torch.float32)


def group_count(*by: Tensor, where: Tensor, backend: str = "auto") -> Tensor:
    """The number of selected peers of each row, float64[batch].

    The keys `by` are int[batch], and `where` is bool[batch]. `backend` is that of `relative`.

    >>> group_count(torch.tensor([3, 3, 4]), where=torch.tensor([True, True, True]))
    tensor([2., 2., 1.], dtype=torch.float64)
    """
    return _count(_index(by, where, backend), where)


def group_max(x: Tensor, *by: Tensor, where: Tensor, backend: str = "auto") -> Tensor:
    """The largest selected value among the peers of each row, −inf without one; float[batch].

    `x`, the keys `by` and `where` are [batch]. `backend` is that of `relative`.

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

    `x`, the keys `by` and `where` are [batch]. `scale`, `ddof` and `backend` are those of
    `relative`. `divide` divides by the result.

    >>> x, group = torch.tensor([1.0, 3.0]), torch.tensor([3, 3])
    >>> group_scale(x, group, where=torch.tensor([True, True]), ddof=0)
    tensor([1., 1.])
    """
    return _scale(x, _index(by, where, backend), where, scale=scale, ddof=ddof)


def conserved(
    x: Tensor,
    *by: Tensor,
    where: Tensor,
    cap: float | None = None,
    backend: str = "auto",
) -> Tensor:
    """A weight whose mean among its peers is 1: `x`, at most `cap` means, over the mean.

        result[i] = y[i] / mean(y);  y = min(x, cap · mean(x)), or x without a cap

    Credit that is multiplied by it keeps its total weight. The keys `by`, `where` and `backend` are
    those of `relative`.

    Degenerate cases: equal values give exactly 1; a mean of 0 gives 1; values that are not selected
    get 0.

    >>> x, where = torch.tensor([1.0, 3.0]), torch.tensor([True, True])
    >>> conserved(x, where=where)
    tensor([0.5000, 1.5000])
    >>> conserved(x, where=where, cap=0.5)
    tensor([1., 1.])
    """
    value = wide(x)
    if cap is not None:
        gap = relative(value, *by, where=where, backend=backend)
        value = torch.minimum(value, cap * (value - gap))
    # The mean is exactly the value where all values are equal.
    mean = value - relative(value, *by, where=where, backend=backend)
    ratio = torch.where(mean > 0, value / mean, torch.ones_like(value))
    return narrow(torch.where(where, ratio, torch.zeros_like(ratio)), x)


def _key(key: Tensor, x: Tensor) -> Tensor:
    if key.is_floating_point():
        raise contract_error("relative", "by", "integer tensors", describe_value(key))
    return _aligned("by", key, x)


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


def _selected(x: Tensor, valid: Tensor | None, where: Tensor | None) -> Tensor:
    """The values that take part: those of valid rows, where selected."""
    if where is None:
        where = valid_rows(valid, x)
        return where if x.ndim == 1 else _aligned("valid", where, x).expand(x.shape)
    where = _aligned("where", where, x)
    return where if valid is None else where & _aligned("valid", valid, x)


def _index(by: tuple[Tensor, ...], where: Tensor, backend: str) -> Tensor:
    if not by:
        return torch.zeros(where.shape, dtype=torch.int64, device=where.device)
    return groups.dense(*by, backend=backend)


# --- along turns ----------------------------------------------------------------------------------


def returns_to_go(x: Tensor, where: Tensor, gamma: float = 1.0, *, backend: str = "auto") -> Tensor:
    """The sum of a turn and those after it, discounted per turn; float[batch turn] like `x`.

        G[i,k] = x[i,k] + gamma · G[i,k+1]   at selected turns, 0 at others

    `where`, bool[batch turn], is `valid_turns(turn_count, turns, valid)`. `gamma` is the discount
    per turn. `backend` is that of `relative`.

    >>> x, where = torch.tensor([[0.0, 1.0, 9.0]]), torch.tensor([[True, True, False]])
    >>> returns_to_go(x, where, 0.5)
    tensor([[0.5000, 1.0000, 0.0000]])
    """
    return returns.turn_returns(x, where, gamma, backend=backend)


def running_min(x: Tensor, where: Tensor, *, backend: str = "auto") -> Tensor:
    """The smallest value of a turn and those after it; float[batch turn] like `x`.

        result[i,k] = min(x[i,k], x[i,k+1], …)   at selected turns, 0 at others

    `where` is bool[batch turn]. `backend` is that of `relative`.

    >>> running_min(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([[True, True, True]]))
    tensor([[1., 1., 2.]])
    """
    lowest = scans.reverse_minimum(
        torch.where(where, x, torch.full_like(x, torch.inf)), backend=backend
    )
    return torch.where(where, lowest, torch.zeros_like(lowest))


def next_turn(x: Tensor) -> Tensor:
    """The value of the next turn, 0 at the last one; float[batch turn] like `x`.

    >>> next_turn(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 3., 0.]])
    """
    return shift_left(x, 1, 0)


def softmin_weights(
    x: Tensor, where: Tensor, temperature: float, *, backend: str = "auto"
) -> Tensor:
    """The softmin weights of selected turns at a `temperature`; float[batch turn] like `x`.

        w[i,k] = exp(−x[i,k] / temperature) / Σ_j exp(−x[i,j] / temperature)

    `where` is bool[batch turn]. `backend` is that of `relative`. The sum runs from the end of a
    row, so that padding changes no bit.

    >>> softmin_weights(torch.tensor([[0.0, 0.0, 5.0]]), torch.tensor([[True, True, False]]), 1.0)
    tensor([[0.5000, 0.5000, 0.0000]])
    """
    power = torch.exp((_lowest(x, where) - x) / temperature)
    power = torch.where(where, power, torch.zeros_like(x))
    total = returns_to_go(power, where, 1.0, backend=backend)[..., :1]
    return power / total.clamp(min=torch.finfo(x.dtype).tiny)


def hard_min_weights(x: Tensor, where: Tensor) -> Tensor:
    """The limit of `softmin_weights` for temperature → 0: the minimum has all weight, ties share.

    `x` is float[batch turn], and `where` is bool[batch turn].

    >>> hard_min_weights(torch.tensor([[2.0, 1.0, 1.0]]), torch.tensor([[True, True, True]]))
    tensor([[0.0000, 0.5000, 0.5000]])
    """
    at = (where & (x == _lowest(x, where))).to(x.dtype)
    return at / at.sum(-1, keepdim=True).clamp(min=1)


def _lowest(x: Tensor, where: Tensor) -> Tensor:
    """The smallest selected value of each row, inf without one."""
    selected = torch.where(where, x, torch.full_like(x, torch.inf))
    empty = selected.new_full((*x.shape[:-1], 1), torch.inf)
    return torch.cat([selected, empty], -1).amin(-1, keepdim=True)


# --- composition ----------------------------------------------------------------------------------


@checked
def per_turn(credit: AnyCredit, turn_count: TurnCount, turns: Turns | None = None) -> TurnCredit:
    """Credit at each turn that exists, so that credits of both levels combine with + and *.

        result[i,k] = credit[i]      for credit float[batch]
        result[i,k] = credit[i,k]    for credit float[batch turn]

    Where there are as many turns as rows, `credit[batch] + credit[batch turn]` adds along the wrong
    axis; `per_turn(credit, turn_count) + …` does not. Put around a whole composition, `per_turn`
    refuses such a sum where it can read it: past `turn_count` there may be 0 and NaN only.

    Degenerate cases: turns past `turn_count` get exactly 0. Without `turns`, credit of trajectories
    gets as many columns as the longest one has turns; a GPU waits for it.

    >>> per_turn(torch.tensor([0.5, -1.0]), torch.tensor([2, 1]))
    tensor([[ 0.5000,  0.5000],
            [-1.0000,  0.0000]])
    """
    if credit.ndim == 1:
        largest = -1
        if turns is None or can_read_values(turn_count):
            largest = int(turn_count.max()) if turn_count.numel() else 0
        columns = max(largest, 0) if turns is None else turns
        if largest > columns:
            wanted = f"at most {columns}, the number of `turns`"
            raise contract_error("per_turn", "turn_count", wanted, str(largest))
    else:
        columns = credit.shape[1]
        if turns is not None and turns != columns:
            wanted = f"{columns}, the turns of `credit`, or left out"
            raise contract_error("per_turn", "turns", wanted, str(turns))
    where = valid_turns(turn_count, columns, None)
    if credit.ndim == 2 and can_read_values(credit):
        _refuse_other_axis(credit, where)
    value = as_float(credit[:, None] if credit.ndim == 1 else credit)
    return torch.where(where, value, torch.zeros_like(value))


def _refuse_other_axis(credit: Tensor, where: Tensor) -> None:
    """Refuse credit past the last turn; NaN may lie there."""
    beyond = ~where & (credit != 0) & ~credit.isnan()
    if not bool(beyond.any()):
        return
    row, turn = beyond.nonzero()[0].tolist()
    fact = f"{credit[row, turn].item()} in row {row}, turn {turn}"
    remedy = "credit of trajectories joins that of turns as `per_turn(credit, turn_count)`"
    raise contract_error("per_turn", "credit", "0 past the last turn", fact, remedy)


# --- tokens ---------------------------------------------------------------------------------------


@checked
def to_tokens(
    credit: AnyCredit,
    turn: Turn,
    *,
    weight: TokenWeight | None = None,
    offsets: Offsets | None = None,
    out: Out | None = None,
    backend: Backend = "auto",
) -> Advantage:
    """Each token the policy wrote gets the credit of its trajectory or of its turn.

        advantage[i,t] = credit[i]          · weight[i,t]   for credit float[batch]
        advantage[i,t] = credit[i, turn[i,t]] · weight[i,t]   for credit float[batch turn]

    Combine credits while they are small, those of trajectories by `per_turn`, and call this once at
    the end. The result is float32 (float64 for float64 credit).

    Degenerate cases: the result is exactly 0 where turn is -1, for any credit and weight. A turn id
    past the width of `credit` is refused (on a GPU: use `check_batch` first); `out` is then
    undefined.

    >>> to_tokens(torch.tensor([[0.5, -1.0]]), torch.tensor([[-1, 0, 0, -1, 1]]))
    tensor([[ 0.0000,  0.5000,  0.5000,  0.0000, -1.0000]])
    >>> offsets = torch.tensor([0, 1, 3])
    >>> to_tokens(torch.tensor([2.0, 3.0]), torch.tensor([0, 0, 1]), offsets=offsets)
    tensor([2., 3., 3.])
    """
    check_layout("to_tokens", turn, offsets)
    check_out("to_tokens", turn, as_float(credit[:0]).dtype, out)
    return tokens.to_tokens(credit, turn, weight=weight, offsets=offsets, out=out, backend=backend)


@checked
def turn_sum(
    x: TokenValues,
    turn: Turn,
    turns: Turns,
    *,
    offsets: Offsets | None = None,
    backend: Backend = "auto",
) -> TurnSums:
    """The sum of a token value over the tokens of each turn.

        result[i,k] = Σ_t x[i,t]  over tokens with turn[i,t] = k

    Degenerate cases: a turn without tokens sums to 0; tokens with turn -1 do not count.

    >>> turn_sum(torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[0, -1, 0]]), 2)
    tensor([[5., 0.]])
    """
    check_layout("turn_sum", turn, offsets)
    return tokens.sum_turns(x, turn, turns, offsets=offsets, backend=backend)


@checked
@breaks(
    "trajectories_may_be_computed_apart",
    because="the mean and the deviation are those of the batch.",
)
def whitening_stats(
    credit: AnyCredit, weight: Weight, *, eps: VarianceEps = 1e-8, backend: Backend = "auto"
) -> MeanAndScale:
    """(mean, rstd) of credit counted `weight` times, for a loss that applies them itself.

        mean = Σ w c / Σ w;  rstd = ( Σ w (c − mean)² / (Σ w − 1) + eps )^(−1/2)

    With token counts as weight these are the moments over tokens; no token is read.

    Degenerate cases: a total weight of 0 gives (0, eps^(−1/2)); a total weight of at most 1 has
    variance 0.

    >>> mean, rstd = whitening_stats(torch.tensor([1.0, 3.0]), torch.tensor([1, 1]), eps=0.0)
    >>> round(mean.item(), 4), round(rstd.item(), 4)
    (2.0, 0.7071)
    """
    _check_weight_shape("whitening_stats", credit, weight)
    mean, rstd = whiten_ops.moments(as_float(credit), weight, eps, backend=backend)
    return narrow(mean, credit), narrow(rstd, credit)


@checked
@breaks(
    "trajectories_may_be_computed_apart",
    because="the mean and the deviation are those of the batch.",
)
def whiten(
    credit: AnyCredit, weight: Weight, *, eps: VarianceEps = 1e-8, backend: Backend = "auto"
) -> AnyCredit:
    """Credit minus its weighted mean over its weighted deviation, like `credit`.

        (c − mean) · rstd where weight > 0, exactly 0 elsewhere;  mean, rstd as in `whitening_stats`

    Degenerate cases: equal credits give exactly 0; a value without weight is not read, even NaN.

    Source: verl's `masked_whiten`, unbiased variance. Differs from it: masked values are 0, and
    fewer than two tokens give 0 instead of an error.

    >>> whiten(torch.tensor([1.0, 3.0, 7.0]), torch.tensor([True, True, False]))
    tensor([-0.7071,  0.7071,  0.0000])
    """
    _check_weight_shape("whiten", credit, weight)
    return whiten_ops.standardize(as_float(credit), weight, eps, backend=backend)


def _check_weight_shape(function: str, credit: Tensor, weight: Tensor) -> None:
    """A weight per row does not broadcast over turns: it would meet the wrong axis."""
    if weight.shape != credit.shape:
        wanted = f"{tuple(credit.shape)} like `credit`"
        raise contract_error(function, "weight", wanted, describe_value(weight))
