"""HyperEyes: right answers among each other, those that cost less ahead."""

from __future__ import annotations

from creditlib.algebra import wide
from creditlib.estimators import grpo
from creditlib.shaping import efficiency_bonus
from creditlib.vocabulary import (
    Cost,
    Credit,
    Eps,
    Group,
    Lone,
    NonNegative,
    ReferenceCost,
    Reward,
    Solved,
    Tried,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["hypereyes"]


@checked
@breaks(
    "constant_groups_get_nothing",
    because="rows with equal rewards have unequal costs.",
)
@breaks(
    "scaling_rewards_scales_or_changes_nothing",
    because="the bonus does not grow with the rewards.",
)
@breaks(
    "lone_members_get_nothing",
    because="a group of one gets its value as it is.",
    lone="raw",
)
def hypereyes(
    *,
    reward: Reward,
    solved: Solved,
    cost: Cost,
    reference_cost: ReferenceCost,
    group: Group,
    tried: Tried | None = None,
    valid: Valid | None = None,
    weight: NonNegative = 1.0,
    eps: Eps = 1e-6,
    lone: Lone = "zero",
) -> Credit:
    """The z-score of the reward plus a bonus for what the row did not spend.

        A[i] = (x[i] − mean) / (std + eps)  over group(i);  x[i] = reward[i] + weight · bonus[i]

    bonus is `efficiency_bonus`. The teacher's part of the paper is one more term: add
    `distillation_credit(..., coefficient=0.05, taught=~solved)` to the tokens.

    Options:
        weight: factor on the bonus.

    Special cases: weight=0 is `grpo`.

    Degenerate cases: those of `grpo` and of `efficiency_bonus`.

    Source: HyperEyes 2026, arXiv:2605.07177; the authors' bonus was run.
    Differs from it: their branch for right rows, which lowers the credit of tokens that the teacher
    likes more, is left out.

    >>> import torch
    >>> hypereyes(
    ...     reward=torch.tensor([1.0, 1.0]),
    ...     solved=torch.tensor([True, True]),
    ...     cost=torch.tensor([[2.0], [3.0]]),
    ...     reference_cost=torch.tensor([[4.0], [4.0]]),
    ...     group=torch.tensor([0, 0]),
    ... )
    tensor([ 0.7071, -0.7071])
    """
    bonus = efficiency_bonus(
        solved=solved,
        cost=wide(cost),
        reference_cost=wide(reference_cost),
        group=group,
        tried=tried,
        valid=valid,
    )
    shaped = wide(reward) + weight * bonus
    return grpo(reward=shaped, group=group, valid=valid, eps=eps, lone=lone)
