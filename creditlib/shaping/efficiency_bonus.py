"""A bonus for right answers that cost little, among the right answers of the group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch

from creditlib.algebra import rank_band, valid_rows, wide
from creditlib.vocabulary import (
    ArgumentSpec,
    Cost,
    Group,
    NonNegative,
    ReferenceCost,
    ShapedReward,
    Solved,
    Tried,
    Valid,
)
from creditlib.vocabulary.contract import checked, contract_error

__all__ = ["efficiency_bonus"]

Good = Annotated[
    Sequence[float],
    ArgumentSpec("lowest and highest bonus of a right row within the reference"),
]
Poor = Annotated[
    Sequence[float], ArgumentSpec("lowest and highest bonus of a right row beyond the reference")
]
WrongBonus = Annotated[
    float, ArgumentSpec("bonus of a wrong row that used too little or far too much")
]


@checked
def efficiency_bonus(
    *,
    solved: Solved,
    cost: Cost,
    reference_cost: ReferenceCost,
    group: Group,
    tried: Tried | None = None,
    valid: Valid | None = None,
    good: Good = (0.05, 0.20),
    poor: Poor = (-0.10, -0.02),
    wrong: WrongBonus = -0.1,
    slack: NonNegative = 1.5,
) -> ShapedReward:
    """A bonus by the rank of the cost among right rows of the group; add it to `reward`.

        solved, within the reference:  rank_band of good among such rows of the group
        solved, beyond it:             rank_band of poor among such rows of the group
        not solved:  wrong if cost[i,0] < ref or cost[i,0] > ⌊slack · ref⌋, else 0;
                     ref = reference_cost[i,0]

    rank_band gives the cheapest the highest number and the dearest the lowest, in equal steps; the
    first criterion of `cost` decides, and each later one among equals. A row is within the
    reference if no criterion is above it. The reference that tightens while the model learns is
    the caller's.

    `tried` says which rows used what costs: a right row that did not gets 0. Without it all rows
    did. Leave rows whose answer could not be read out by `valid`; they get 0.

    Options:
        slack: multiple of the reference from which on a wrong row used far too much.

    Degenerate cases: where all of a band cost the same, each gets its highest number. A cost that
    is the reference is within it.

    Errors: `good` or `poor` is not two numbers, the lower one first.

    Source: TRACE of HyperEyes 2026, arXiv:2605.07177; the authors' function was run. They round to
    four decimals.

    >>> import torch
    >>> efficiency_bonus(
    ...     solved=torch.tensor([True, True, True, False]),
    ...     cost=torch.tensor([[2.0], [3.0], [9.0], [9.0]]),
    ...     reference_cost=torch.tensor([[4.0], [4.0], [4.0], [4.0]]),
    ...     group=torch.tensor([0, 0, 0, 0]),
    ... )
    tensor([ 0.2000,  0.0500, -0.0200, -0.1000])
    """
    for name, band in (("good", good), ("poor", poor)):
        if len(band) != 2 or not band[0] <= band[1]:
            raise contract_error(
                "efficiency_bonus", name, "two numbers, the lower one first", repr(band)
            )
    rows, used, limit = valid_rows(valid, group), wide(cost), wide(reference_cost)
    within = (used <= limit).all(1)
    right = rows & solved if tried is None else rows & solved & tried
    bonus = rank_band(used, group, where=right & within, low=good[0], high=good[1])
    bonus = bonus + rank_band(used, group, where=right & ~within, low=poor[0], high=poor[1])
    if not used.shape[1]:
        return bonus
    first, most = used[:, 0], torch.floor(slack * limit[:, 0])
    missed = rows & ~solved & ((first < limit[:, 0]) | (first > most))
    return torch.where(missed, wrong, bonus)
