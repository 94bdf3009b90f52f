"""Masks of tokens: those with the largest scores, and the last ones of a trajectory."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from creditlib.algebra import wide
from creditlib.inputs.layouts import rows_of
from creditlib.ops.tokens.reference import check_layout
from creditlib.ops.top import top_mask
from creditlib.ops.top.reference import ROUNDING
from creditlib.vocabulary import ArgumentSpec, Backend, Offsets, TokenMask, TokenScore, Turn, breaks
from creditlib.vocabulary.contract import checked

__all__ = ["suffix_mask", "top_fraction"]

Fraction = Annotated[float, ArgumentSpec("share of the tokens that are selected", low=0, high=1)]
Drop = Annotated[
    float, ArgumentSpec("share of the tokens, the first ones, that are left out", low=0, high=1)
]
RankedIn = Annotated[
    Literal["trajectory", "batch"],
    ArgumentSpec("the tokens that are ranked together: those of a trajectory, or of the batch"),
]
_MASK = "the result is a mask of booleans."


@checked
@breaks("results_fit_their_inputs", because=_MASK)
@breaks(
    "trajectories_may_be_computed_apart",
    because="tokens are ranked among those of the whole batch.",
    over="batch",
)
@breaks(
    "order_does_not_matter",
    "equal_trajectories_get_equal_credit",
    because="of equal scores that of the earlier row is selected.",
    over="batch",
)
def top_fraction(
    *,
    token_score: TokenScore,
    turn: Turn,
    fraction: Fraction,
    over: RankedIn = "trajectory",
    offsets: Offsets | None = None,
    backend: Backend = "auto",
) -> TokenMask:
    """The tokens with the largest scores: a share of what the policy wrote, at least one.

        selected[i,t] = rank of token_score[i,t] among the n tokens of row i < ceil(fraction · n)

    Tokens that the policy did not write have no rank. With over="batch" the n tokens are those of
    all rows. The rounding of the product adds no token: 0.07 of 100 are 7.

    With the entropy of each token as its score and fraction=0.2 these are the forking tokens. Pass
    the result as `weight` to `to_tokens`, or to the loss as its mask. A token whose advantage is 0
    still counts in a mean over tokens; one that the mask leaves out does not.

    Degenerate cases: of equal scores the earlier token is selected. fraction=0 selects none and
    fraction=1 all that the policy wrote. A row that wrote nothing has none.

    Source: the 80/20 rule of entropies, arXiv:2506.01939, with over="batch"; Temporal RLVR,
    arXiv:2605.25381, with over="trajectory" (its code was run).

    >>> import torch
    >>> top_fraction(
    ...     token_score=torch.tensor([[0.1, 9.0, 0.7, 0.3]]),
    ...     turn=torch.tensor([[0, -1, 0, 0]]),
    ...     fraction=0.5,
    ... )
    tensor([[False, False,  True,  True]])
    """
    check_layout("top_fraction", turn, offsets)
    return top_mask(
        token_score, turn, float(fraction), over == "batch", offsets=offsets, backend=backend
    )


@checked
@breaks("results_fit_their_inputs", because=_MASK)
def suffix_mask(*, turn: Turn, drop: Drop, offsets: Offsets | None = None) -> TokenMask:
    """The last tokens of each trajectory: the policy's, without a share of the first ones.

        selected[i,t] = place of token t ≥ min(floor(drop · n), n − 1)

    The place counts the tokens that the policy wrote in row i, from 0; n is their number. The last
    one is always selected. The rounding of the product moves no token: 0.29 of 100 are 29.

    Temporal RLVR trains on a suffix that grows to the whole trajectory:
    `to_tokens(credit, turn, weight=suffix_mask(turn=turn, drop=anneal(elapsed)))`.

    Degenerate cases: drop=0 selects all that the policy wrote, drop=1 the last token. A row that
    wrote nothing has none.

    Source: Temporal RLVR, arXiv:2605.25381; the authors' code was read.

    >>> import torch
    >>> suffix_mask(turn=torch.tensor([[0, 0, -1, 1, 1]]), drop=0.5)
    tensor([[False, False, False,  True,  True]])
    """
    check_layout("suffix_mask", turn, offsets)
    written = (turn >= 0).to(torch.int64)
    if offsets is None:
        place, count = written.cumsum(1) - 1, written.sum(1, keepdim=True)
    else:
        place, count = _packed_places(written, offsets)
    dropped = (wide(count) * drop * (1.0 + ROUNDING)).floor().to(torch.int64)
    first = torch.minimum(dropped, count - 1)
    return (written > 0) & (place >= first)


def _packed_places(written: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """(place of each token among the written ones of its row, how many the row has)."""
    before = torch.nn.functional.pad(written.cumsum(0), (1, 0))
    start = before[offsets.to(torch.int64)]
    row = rows_of(offsets, len(written))
    return before[1:] - 1 - start[row], start.diff()[row]
