"""HABC: clone what moved towards success, and neither failures nor other people's hands."""

from __future__ import annotations

import torch

from creditlib.algebra import conserved, valid_turns, wide
from creditlib.vocabulary import (
    Demonstrated,
    Factor,
    Solved,
    StepsToGo,
    StepsToGoAfter,
    TurnCount,
    Valid,
    Viability,
    ViabilityAfter,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["habc_weight"]


@checked
@breaks(
    *("equal_turns_weigh_one", "weights_keep_the_total"),
    because="turns of failures get 0, and the others have the mean weight 1.",
)
def habc_weight(
    *,
    viability: Viability,
    viability_after: ViabilityAfter,
    steps_to_go: StepsToGo,
    steps_to_go_after: StepsToGoAfter,
    solved: Solved,
    demonstrated: Demonstrated,
    turn_count: TurnCount,
    valid: Valid | None = None,
) -> Factor:
    """The weight of a turn in a loss that clones or reinforces what it did.

        w[i,k] = x[i,k] / mean of the x above 0 over the batch
        x = 1 where demonstrated, 1 + tanh(a) where solved, else 0
        a = (1 − p) · (viability_after − viability) + p · (steps_to_go_after − steps_to_go − 1)
        p = σ(viability)

    One critic says whether the task can still be solved, the other how many steps that takes. As
    long as success is in doubt the first one decides, later the second.

    Degenerate cases: without a turn above 0 all weights are 0. Turns past `turn_count` and excluded
    rows get 0.

    Source: HABC 2026, arXiv:2606.17043, by its equation as a secondary text gives it.

    >>> import torch
    >>> habc_weight(
    ...     viability=torch.tensor([[0.0, 2.0]]),
    ...     viability_after=torch.tensor([[2.0, 3.0]]),
    ...     steps_to_go=torch.tensor([[-3.0, -2.0]]),
    ...     steps_to_go_after=torch.tensor([[-2.0, -1.0]]),
    ...     solved=torch.tensor([True]),
    ...     demonstrated=torch.tensor([[False, True]]),
    ...     turn_count=torch.tensor([2]),
    ... )
    tensor([[1.2758, 0.7242]])
    """
    where = valid_turns(turn_count, viability.shape[1], valid)
    before, after = wide(viability), wide(viability_after)
    p = torch.sigmoid(before)
    steps = wide(steps_to_go_after) - wide(steps_to_go) - 1
    moved = 1 + torch.tanh((1 - p) * (after - before) + p * steps)
    x = torch.where(solved[:, None], moved, 0.0)
    x = torch.where(where, torch.where(demonstrated, 1.0, x), 0.0)
    return conserved(x, where=where, among="nonzero")
