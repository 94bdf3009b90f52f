"""GTAlign: the geometric mean of several rewards, among rows of one source."""

from __future__ import annotations

from creditlib.algebra import wide
from creditlib.estimators import grpo
from creditlib.shaping import combine
from creditlib.vocabulary import (
    Credit,
    Ddof,
    Eps,
    Group,
    Lone,
    NonNegativeRewards,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["gtalign"]


@checked
@breaks(
    "shifting_rewards_changes_nothing",
    because="a number added to the factors of a product changes their order.",
)
@breaks(
    "lone_members_get_nothing",
    because="a group of one gets its value as it is.",
    lone="raw",
)
def gtalign(
    *,
    rewards: NonNegativeRewards,
    group: Group,
    valid: Valid | None = None,
    ddof: Ddof = 0,
    eps: Eps = 1e-6,
    lone: Lone = "zero",
) -> Credit:
    """The z-score of the geometric mean of the rewards.

        A[i] = (g[i] − mean) / (std + eps)  over group(i);  g[i] = (Π_k rewards[i,k])^(1/K)

    `group` is the data source of a row, as the authors have it, or its prompt.

    Degenerate cases: those of `grpo` and of `combine`: a reward of 0 makes g 0.

    Errors: a reward is negative.

    Source: GTAlign 2025, whose expressions were run.
    Differs from it: their deviation of at most 1e-6 counts as 1; the result is 0 in both cases.

    >>> import torch
    >>> rewards = torch.tensor([[4.0, 1.0], [4.0, 0.0]])
    >>> gtalign(rewards=rewards, group=torch.tensor([0, 0]))
    tensor([ 1.0000, -1.0000])
    """
    shaped = combine(rewards=wide(rewards), how="geometric")
    return grpo(reward=shaped, group=group, valid=valid, ddof=ddof, eps=eps, lone=lone)
