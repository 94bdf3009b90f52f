"""F-GRPO (factorized): two phases in one answer, each judged against the same phase of others."""

from __future__ import annotations

import torch

from creditlib.algebra import wide
from creditlib.estimators import grpo_process
from creditlib.vocabulary import (
    Group,
    NonNegative,
    TurnCount,
    TurnCredit,
    TurnReward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["fgrpo"]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="a phase is compared with the same phase of the others.",
)
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="each phase reads its own reward only.",
)
def fgrpo(
    *,
    turn_reward: TurnReward,
    group: Group,
    turn_count: TurnCount,
    valid: Valid | None = None,
    later_weight: NonNegative = 1.0,
) -> TurnCredit:
    """The reward of a phase minus its mean over the group, without a deviation.

        A[i,0] = turn_reward[i,0] − mean over group(i)
        A[i,k] = later_weight · (turn_reward[i,k] − mean over the phases k of group(i)),  k > 0

    Turn 0 is the first phase (a slate, by recall), turn 1 the second (a ranking, by NDCG).

    Options:
        later_weight: factor on the credit of the phases after the first.

    Degenerate cases: equal rewards of a phase give exactly 0, and so does a group of one. Turns
    past `turn_count` get 0.

    Source: F-GRPO 2026, arXiv:2605.12995. No code was released; the equations are those of a
    summary.

    >>> import torch
    >>> fgrpo(
    ...     turn_reward=torch.tensor([[1.0, 0.5], [0.0, 0.5]]),
    ...     group=torch.tensor([0, 0]),
    ...     turn_count=torch.tensor([2, 2]),
    ... )
    tensor([[ 0.5000,  0.0000],
            [-0.5000,  0.0000]])
    """
    credit = grpo_process(
        turn_reward=wide(turn_reward), group=group, turn_count=turn_count, valid=valid,
        over="turn", gamma=0.0, scale=None,
    )  # fmt: skip
    first = torch.arange(credit.shape[1], device=credit.device) == 0
    return torch.where(first, credit, later_weight * credit)
