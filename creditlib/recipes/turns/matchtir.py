"""MatchTIR: a trajectory among its group, and a turn among the same turns of the group."""

from __future__ import annotations

from typing import Annotated, Any

import torch

from creditlib.algebra import relative, returns_to_go, valid_turns, wide
from creditlib.vocabulary import (
    Gamma,
    Group,
    Lone,
    TurnCount,
    TurnCredit,
    TurnReward,
    Valid,
    breaks,
)
from creditlib.vocabulary.argument_spec import ArgumentSpec
from creditlib.vocabulary.contract import checked

__all__ = ["matchtir"]

Share = Annotated[float, ArgumentSpec("share of the trajectory in the credit", low=0, high=1)]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="turns are compared with those of the same number, of trajectories that have it.",
)
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="a trajectory is part of its own baseline and deviation.",
)
def matchtir(
    *,
    turn_reward: TurnReward,
    group: Group,
    turn_count: TurnCount,
    valid: Valid | None = None,
    trajectory_weight: Share = 0.5,
    gamma: Gamma = 0.9,
    lone: Lone = "zero",
) -> TurnCredit:
    """How a trajectory did among its group, and a turn among the same turns of the group.

        A[i,k] = w · T[i] + (1 − w) · S[i,k];  w = trajectory_weight
        T[i]   = z-score of Σ_k turn_reward[i,k] over group(i)
        S[i,k] = z-score of G[i,k] over the turns k of group(i);  G = turn_reward + gamma · G[k+1]

    `turn_reward` is the score of the tool calls of a turn, matched with those of a reference.

    Special cases: with one turn each it is `grpo`. trajectory_weight=1 is `grpo` of the sums.

    Degenerate cases: equal sums of a group give T = 0, equal returns at a turn give S = 0, both
    exactly. A turn that only one trajectory of the group reaches has S = 0 (lone="raw": its
    return). A trajectory without turns counts in T with a sum of 0. Turns past `turn_count` get 0.

    Source: MatchTIR 2026, arXiv:2601.10712 (dual-level advantage).
    Differs from the authors' code: a lone trajectory and a turn without peers get 0;
    `presets.MATCHTIR` restores their raw values.

    >>> import torch
    >>> matchtir(
    ...     turn_reward=torch.tensor([[1.0, 0.0], [0.0, 0.0]]),
    ...     group=torch.tensor([0, 0]),
    ...     turn_count=torch.tensor([2, 2]),
    ... )
    tensor([[ 0.7071,  0.3536],
            [-0.7071, -0.3536]])
    """
    options: dict[str, Any] = {"scale": "std", "eps": 1e-6, "lone": lone}
    where = valid_turns(turn_count, turn_reward.shape[1], valid)
    reward = torch.where(where, wide(turn_reward), 0.0)
    number = torch.arange(turn_reward.shape[1], device=group.device)[None]
    trajectory = relative(reward.sum(1), group, valid=valid, **options)[:, None]
    turn = relative(returns_to_go(reward, where, gamma), group, number, where=where, **options)
    credit = trajectory_weight * trajectory + (1 - trajectory_weight) * turn
    return torch.where(where, credit, 0.0)
