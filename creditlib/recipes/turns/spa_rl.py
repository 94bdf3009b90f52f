"""SPA-RL: the outcome against the others, and a bonus for actions that could be carried out."""

from __future__ import annotations

import torch

from creditlib.algebra import relative, valid_turns, wide
from creditlib.vocabulary import (
    Grounded,
    Group,
    Lone,
    NonNegative,
    Reward,
    TurnCount,
    TurnRewards,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["spa_rl"]


@checked
@breaks(
    "scaling_rewards_scales_or_changes_nothing",
    because="the bonus of a grounded turn has no unit of reward.",
)
def spa_rl(
    *,
    reward: Reward,
    group: Group,
    grounded: Grounded,
    turn_count: TurnCount,
    valid: Valid | None = None,
    weight: NonNegative = 0.5,
    lone: Lone = "zero",
) -> TurnRewards:
    """The outcome minus the mean of the others at each turn, plus a bonus for grounded turns.

        r[i,k] = reward[i] − mean of the others of group(i) + weight · grounded[i,k]

    A reward for PPO with a critic. The learned progress of the paper is one line beside it:
    `redistribute(reward=reward, share=prediction, turn_count=turn_count)` in place of the first
    part, where a regression predicts what each turn contributed.

    Options:
        weight: the bonus of a turn whose action the environment could carry out.
        lone: what a group of one has in place of the difference: 0, or its reward.

    Special cases: weight=0 is `rloo` at each turn.

    Degenerate cases: equal rewards of a group leave the bonus alone. Turns past `turn_count` and
    rows that take no part get 0.

    Source: Wang et al. 2025, arXiv:2505.20732; the lines of the authors' code were restated.
    Differs from it: a group of one has a difference of 0; `presets.SPA_RL` restores its raw reward.

    >>> import torch
    >>> spa_rl(
    ...     reward=torch.tensor([1.0, 0.0]),
    ...     group=torch.tensor([0, 0]),
    ...     grounded=torch.tensor([[True, False], [True, True]]),
    ...     turn_count=torch.tensor([2, 1]),
    ... )
    tensor([[ 1.5000,  1.0000],
            [-0.5000,  0.0000]])
    """
    gap = relative(wide(reward), group, valid=valid, center="leave_one_out", lone=lone)
    where = valid_turns(turn_count, grounded.shape[1], valid)
    return torch.where(where, gap[:, None] + weight * grounded, 0.0)
