"""Between levels: credit to tokens, tokens to turns; credit standardized over the batch."""

from __future__ import annotations

import functools

from torch import Tensor

from creditlib.ops import tokens
from creditlib.ops import whiten as whiten_ops
from creditlib.ops.precision import as_float, float_dtype, narrow
from creditlib.ops.tokens.reference import check_layout
from creditlib.vocabulary.breaks import breaks
from creditlib.vocabulary.contract import checked
from creditlib.vocabulary.messages import contract_error, describe_value
from creditlib.vocabulary.out import check_out
from creditlib.vocabulary.words import (
    Advantage,
    AnyCredit,
    Backend,
    CreditOut,
    MeanAndScale,
    Offsets,
    Out,
    TokenValues,
    TokenWeight,
    Turn,
    Turns,
    TurnSums,
    VarianceEps,
    Weight,
)

__all__ = ["to_tokens", "turn_sum", "whiten", "whitening_stats"]


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

    >>> import torch
    >>> to_tokens(torch.tensor([[0.5, -1.0]]), torch.tensor([[-1, 0, 0, -1, 1]]))
    tensor([[ 0.0000,  0.5000,  0.5000,  0.0000, -1.0000]])
    >>> offsets = torch.tensor([0, 1, 3])
    >>> to_tokens(torch.tensor([2.0, 3.0]), torch.tensor([0, 0, 1]), offsets=offsets)
    tensor([2., 3., 3.])
    """
    check_layout("to_tokens", turn, offsets)
    check_out("to_tokens", turn, float_dtype(credit), out)
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

    >>> import torch
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

    >>> import torch
    >>> mean, rstd = whitening_stats(torch.tensor([1.0, 3.0]), torch.tensor([1, 1]), eps=0.0)
    >>> round(mean.item(), 4), round(rstd.item(), 4)
    (2.0, 0.7071)
    """
    _check_weight_shape("whitening_stats", credit, weight)
    mean, rstd = whiten_ops.moments(as_float(credit), weight, eps, backend=backend)
    return narrow(mean, credit), narrow(rstd, credit)


@functools.partial(checked, in_place="credit")
@breaks(
    "trajectories_may_be_computed_apart",
    because="the mean and the deviation are those of the batch.",
)
def whiten(
    credit: AnyCredit,
    weight: Weight,
    *,
    eps: VarianceEps = 1e-8,
    out: CreditOut | None = None,
    backend: Backend = "auto",
) -> AnyCredit:
    """Credit minus its weighted mean over its weighted deviation, like `credit`.

        (c − mean) · rstd where weight > 0, exactly 0 elsewhere;  mean, rstd as in `whitening_stats`

    The result is float32 (float64 for float64 credit). `out=credit` whitens in place.

    Degenerate cases: equal credits give exactly 0; a value without weight is not read, even NaN.

    Source: verl's `masked_whiten`, unbiased variance. Differs from it: masked values are 0, and
    fewer than two tokens give 0 instead of an error.

    >>> import torch
    >>> whiten(torch.tensor([1.0, 3.0, 7.0]), torch.tensor([True, True, False]))
    tensor([-0.7071,  0.7071,  0.0000])
    """
    _check_weight_shape("whiten", credit, weight)
    value = as_float(credit)
    check_out("whiten", value, value.dtype, out)
    return whiten_ops.standardize(value, weight, eps, out=out, backend=backend)


def _check_weight_shape(function: str, credit: Tensor, weight: Tensor) -> None:
    """A weight per row does not broadcast over turns: it would meet the wrong axis."""
    if weight.shape != credit.shape:
        wanted = f"{tuple(credit.shape)} like `credit`"
        raise contract_error(function, "weight", wanted, describe_value(weight))
