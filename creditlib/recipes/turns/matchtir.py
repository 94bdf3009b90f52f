"""MatchTIR: a trajectory among its group, and a turn among the same turns of the group."""

from __future__ import annotations

from typing import Annotated

import torch

from creditlib.algebra import relative, valid_turns, wide
from creditlib.estimators import grpo_process
from creditlib.vocabulary import (
    ArgumentSpec,
    Ended,
    Gamma,
    Group,
    Lone,
    TurnCount,
    TurnCredit,
    TurnReward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["matchtir"]

Share = Annotated[float, ArgumentSpec("share of the trajectory in the credit", low=0, high=1)]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    because="turns are compared with those of the same number.",
)
@breaks(
    "long_trajectories_do_not_outvote_short_ones",
    because="turns are compared with those of the same number, of trajectories that have it.",
    ended="absent",
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
    ended: Ended = "absent",
    lone: Lone = "zero",
) -> TurnCredit:
    """The z-score of a trajectory in its group, plus that of a turn among turns of its number.

        A[i,k] = w · T[i] + (1 − w) · S[i,k];  w = trajectory_weight
        T[i]   = z-score of Σ_k turn_reward[i,k] over group(i)
        S[i,k] = z-score of G[i,k] over the turns k of group(i);  G = turn_reward + gamma · G[k+1]

    `turn_reward` is the score of the tool calls of a turn, matched with those of a reference:
    `match_reward` makes it. ended="zero" counts a trajectory that is over at later turns with 0.

    Special cases: with one turn each it is `grpo`. trajectory_weight=1 is `grpo` of the sums.

    Degenerate cases: equal sums of a group give T = 0, equal returns at a turn give S = 0, both
    exactly. A turn that only one trajectory of the group reaches has S = 0 (lone="raw": its
    return). A trajectory without turns counts in T with a sum of 0. Turns past `turn_count` get 0.

    Source: MatchTIR 2026, arXiv:2601.10712 (dual-level advantage); the authors' code was run.
    Differs from the authors' code: a group of one and a turn without peers get 0;
    `presets.MATCHTIR` restores their raw values, which are as large as 4.3 in the golden batches. A
    trajectory without turns raises there.

    >>> import torch
    >>> matchtir(
    ...     turn_reward=torch.tensor([[1.0, 0.0], [0.0, 0.0]]),
    ...     group=torch.tensor([0, 0]),
    ...     turn_count=torch.tensor([2, 2]),
    ... )
    tensor([[ 0.7071,  0.3536],
            [-0.7071, -0.3536]])
    """
    where = valid_turns(turn_count, turn_reward.shape[1], valid)
    reward = torch.where(where, wide(turn_reward), 0.0)
    trajectory = relative(reward.sum(1), group, valid=valid, scale="std", eps=1e-6, lone=lone)
    turn = grpo_process(
        turn_reward=reward, group=group, turn_count=turn_count, valid=valid, over="turn",
        order="sum_then_score", gamma=gamma, ended=ended, lone=lone,
    )  # fmt: skip
    credit = trajectory_weight * trajectory[:, None] + (1 - trajectory_weight) * turn
    return torch.where(where, credit, 0.0)
