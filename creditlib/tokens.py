"""Down to tokens, and normalisation over them."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.contract import checked, fact_of, looking_is_free, refuse
from creditlib.ops import spread
from creditlib.ops.precision import as_float, narrow
from creditlib.ops.whitening import moments, standardize
from creditlib.vocabulary import (
    Advantage,
    AnyCredit,
    Eps,
    Offsets,
    Out,
    TokenValues,
    TokenWeight,
    Turn,
    TurnCredit,
    Weight,
    Width,
)

__all__ = ["to_tokens", "turn_sum", "whiten", "whitening", "write"]


def write(function: str, result: Tensor, out: Tensor | None) -> Tensor:
    """The result, in `out` if given; a result is never cast or broadcast on the way.

    >>> write("gae", torch.ones(1), torch.zeros(1))
    tensor([1.])
    """
    if out is None:
        return result
    if out.dtype != result.dtype or out.shape != result.shape:
        wanted = f"{result.dtype} {tuple(result.shape)}"
        raise refuse(function, "out", wanted, f"{out.dtype} {tuple(out.shape)}")
    return out.copy_(result)


@checked
def to_tokens(
    credit: AnyCredit,
    turn: Turn,
    *,
    weight: TokenWeight | None = None,
    offsets: Offsets | None = None,
    out: Out | None = None,
) -> Advantage:
    """Each token the policy wrote gets the credit of its trajectory or of its turn.

        advantage[i,t] = credit[i]          · weight[i,t]   for credit float[batch]
        advantage[i,t] = credit[i, turn[i,t]] · weight[i,t]   for credit float[batch turn]

    The one place where tokens are touched: combine credits while they are small. The result is
    float32 (float64 for float64 credit).

    Degenerate cases: exactly 0 where turn is -1, whatever credit and weight hold there. A turn id
    past the width of `credit` is refused (on a GPU: use `check_batch` first).

    >>> to_tokens(torch.tensor([[0.5, -1.0]]), torch.tensor([[-1, 0, 0, -1, 1]]))
    tensor([[ 0.0000,  0.5000,  0.5000,  0.0000, -1.0000]])
    >>> offsets = torch.tensor([0, 1, 3])
    >>> to_tokens(torch.tensor([2.0, 3.0]), torch.tensor([0, 0, 1]), offsets=offsets)
    tensor([2., 3., 3.])
    """
    row = spread.packed_rows("to_tokens", turn, offsets)
    if credit.ndim == 2 and looking_is_free(turn):
        _refuse_turns("to_tokens", turn, credit.shape[1])
    advantage = spread.to_tokens(as_float(credit), turn, row)
    if weight is not None:
        advantage.mul_(weight.to(advantage.dtype)).masked_fill_(turn < 0, 0)
    return write("to_tokens", advantage, out)


def _refuse_turns(function: str, turn: Tensor, turns: int) -> None:
    """Where looking costs no wait for a device, a turn id without a column is refused."""
    if turn.numel() and int(turn.max()) >= turns:
        raise refuse(
            function, "turn", f"below the {turns} turns of the batch", f"{int(turn.max())}"
        )


@checked
def turn_sum(
    x: TokenValues, turn: Turn, turns: Width, *, offsets: Offsets | None = None
) -> TurnCredit:
    """The sum of a token value over the tokens of each turn.

        result[i,k] = Σ_t x[i,t]  over tokens with turn[i,t] = k

    Degenerate cases: a turn without tokens sums to 0; tokens with turn -1 count nowhere.

    >>> turn_sum(torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[0, -1, 0]]), 2)
    tensor([[5., 0.]])
    """
    row = spread.packed_rows("turn_sum", turn, offsets)
    if looking_is_free(turn):
        _refuse_turns("turn_sum", turn, turns)
    rows = turn.shape[0] if offsets is None else offsets.shape[0] - 1
    value = x.to(torch.float32 if x.device.type == "mps" else torch.float64)
    total = spread.sum_turns(value, turn, turns, rows, row)
    return total.to(torch.float64 if x.dtype == torch.float64 else torch.float32)


@checked
def whitening(credit: AnyCredit, weight: Weight, *, eps: Eps = 1e-8) -> tuple[Tensor, Tensor]:
    """(mean, rstd) of credit counted `weight` times, for a loss that applies them for free.

        mean = Σ w c / Σ w;  rstd = ( Σ w (c − mean)² / (Σ w − 1) + eps )^(−1/2)

    With token counts as weight these are the moments over tokens, without reading a token.

    Degenerate cases: nothing counted gives (0, eps^(−1/2)); a total weight of at most 1 has
    variance 0.

    Breaks by design:
        trajectories_may_be_computed_apart: the mean and the deviation are those of the
            batch.

    >>> mean, rstd = whitening(torch.tensor([1.0, 3.0]), torch.tensor([1, 1]), eps=0.0)
    >>> round(mean.item(), 4), round(rstd.item(), 4)
    (2.0, 0.7071)
    """
    _refuse_weight("whitening", credit, weight)
    mean, rstd = moments(as_float(credit), weight, eps)
    return narrow(mean, credit), narrow(rstd, credit)


@checked
def whiten(credit: AnyCredit, weight: Weight, *, eps: Eps = 1e-8) -> AnyCredit:
    """Credit minus its weighted mean over its weighted deviation, like `credit`.

        (c − mean) · rstd where weight > 0, exactly 0 elsewhere;  mean, rstd as in `whitening`

    Degenerate cases: equal credits give exactly 0; what has no weight is not read, be it NaN.

    Breaks by design:
        trajectories_may_be_computed_apart: the mean and the deviation are those of the
            batch.

    Source: verl's `masked_whiten`, unbiased variance. Differs from it: masked places are 0, and
    fewer than two tokens give 0 instead of an error.

    >>> whiten(torch.tensor([1.0, 3.0, 7.0]), torch.tensor([True, True, False]))
    tensor([-0.7071,  0.7071,  0.0000])
    """
    _refuse_weight("whiten", credit, weight)
    return standardize(as_float(credit), weight, eps)


def _refuse_weight(function: str, credit: Tensor, weight: Tensor) -> None:
    """A weight per row does not broadcast over turns: it would line up with the wrong axis."""
    if weight.shape != credit.shape:
        wanted = f"{tuple(credit.shape)} like `credit`"
        raise refuse(function, "weight", wanted, fact_of(weight))
