"""AEM: the same total credit, moved to the turns the policy was sure of."""

from __future__ import annotations

from creditlib.algebra import wide
from creditlib.estimators import grpo
from creditlib.vocabulary import (
    Eps,
    Group,
    Lone,
    NonNegative,
    Reward,
    TurnCount,
    TurnCredit,
    TurnEntropy,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked
from creditlib.weighting import entropy_weight

__all__ = ["aem"]


@checked
@breaks(
    *("an_earlier_turn_changes_nothing_later", "long_trajectories_do_not_outvote_short_ones"),
    *("credit_sums_to_zero", "no_credit_lies_beyond_the_spread"),
    because="each turn is compared with all turns of its group, and its credit is multiplied.",
)
def aem(
    *,
    reward: Reward,
    turn_entropy: TurnEntropy,
    group: Group,
    turn_count: TurnCount,
    valid: Valid | None = None,
    strength: NonNegative = 1.0,
    eps: Eps = 1e-6,
    lone: Lone = "zero",
) -> TurnCredit:
    """Credit of the trajectory at each turn, more of it where the entropy was low.

        A[i,k] = grpo(reward)[i] · w[i,k];  w = entropy_weight(turn_entropy) over the group

    Multiply any other credit of turns by `entropy_weight` in the same way.

    Options:
        strength: how much less the most uncertain turn counts than the surest one: by the factor
            exp(−strength). At 0 each turn gets the credit of its trajectory.

    Degenerate cases: a constant group and a group of one get exactly 0. Equal entropies give
    `grpo`. Turns past `turn_count` get 0.

    Source: AEM 2026, arXiv:2605.00425, by its equation as a secondary text gives it.
    Differs from it: the strength is not known, and 1 is the default here.

    >>> import torch
    >>> aem(
    ...     reward=torch.tensor([1.0, 0.0]),
    ...     turn_entropy=torch.tensor([[0.1, 0.3], [0.5, 0.1]]),
    ...     group=torch.tensor([0, 0]),
    ...     turn_count=torch.tensor([2, 2]),
    ... )
    tensor([[ 0.9509,  0.5768],
            [-0.3498, -0.9509]])
    """
    credit = grpo(reward=wide(reward), group=group, valid=valid, eps=eps, lone=lone)
    weight = entropy_weight(
        turn_entropy=wide(turn_entropy), turn_count=turn_count, group=group, valid=valid,
        strength=strength,
    )  # fmt: skip
    return credit[:, None] * weight
