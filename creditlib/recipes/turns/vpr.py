"""VPR: moves compared where the position was the same."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor

from creditlib.algebra import contrast, group_count, relative, valid_turns, wide
from creditlib.estimators import grpo_process
from creditlib.shaping import outcome_at_last_turn
from creditlib.vocabulary import (
    Anchor,
    ArgumentSpec,
    Group,
    NonNegative,
    Solved,
    TurnCount,
    TurnCredit,
    TurnReward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["vpr"]

WhitenBatch = Annotated[
    bool, ArgumentSpec("center among peers only, then divide by the deviation of the batch")
]
Least = Annotated[int, ArgumentSpec("turns that a turn number needs for statistics of its own")]


@checked
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="a turn reads its own reward only.",
)
@breaks(
    "scaling_rewards_scales_or_changes_nothing",
    because="the bonus of a solved task does not grow with the rewards.",
)
@breaks(
    "groups_are_independent",
    "a_new_group_changes_nothing",
    "groups_may_be_computed_apart",
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    "constant_groups_get_nothing",
    "lone_members_get_nothing",
    because="without states, or with the deviation of the batch, turns of all groups are compared.",
)
def vpr(
    *,
    turn_reward: TurnReward,
    solved: Solved,
    group: Group,
    turn_count: TurnCount,
    anchor: Anchor | None = None,
    valid: Valid | None = None,
    bonus: NonNegative = 1.0,
    whiten_batch: WhitenBatch = False,
    least: Least = 4,
) -> TurnCredit:
    """The verified reward of a step among those of the samples of the same state.

        A[i,k] = (x[i,k] − mean) / (std + 1e-8)  over the turns of group(i) from the same state
        x[i,k] = turn_reward[i,k], plus bonus · solved[i] at the last turn

    std is that of the population. States whose samples are all equal give no gradient: leave their
    tokens out of the loss with `contrast(turn_reward=x, anchor=anchor, …)`. A zero advantage still
    counts in a mean over tokens, a mask does not.

    whiten_batch=True subtracts the mean of the state and divides by the deviation of all turns that
    `contrast` selects. Without `anchor`, turns of the same number are compared over the batch, and
    all turns of the batch where fewer than `least` reach the number.

    Options:
        bonus: reward of the last turn of a solved trajectory.

    Degenerate cases: a state that one turn or equal turns start from gives exactly 0, and so does a
    missing anchor. Turns past `turn_count` get 0.

    Source: VPR 2026, arXiv:2605.10325. The authors' function was read and restated; it was not run.
    Differs from it: a state without peers is exactly 0.

    >>> import torch
    >>> vpr(
    ...     turn_reward=torch.tensor([[1.0, 0.0], [0.0, 0.0]]),
    ...     solved=torch.tensor([True, False]),
    ...     group=torch.tensor([0, 0]),
    ...     anchor=torch.tensor([[5, 6], [5, 7]]),
    ...     turn_count=torch.tensor([2, 2]),
    ... )
    tensor([[ 1.,  0.],
            [-1.,  0.]])
    """
    turns = turn_reward.shape[1]
    where = valid_turns(turn_count, turns, valid)
    last = outcome_at_last_turn(
        reward=bonus * wide(solved), turn_count=turn_count, turns=turns, valid=valid
    )
    x = torch.where(where, wide(turn_reward), 0.0) + last
    given: dict[str, Any] = {"turn_reward": x, "group": group, "turn_count": turn_count}
    given |= {"valid": valid, "anchor": anchor}
    peers: dict[str, Any] = {"gamma": 0.0, "ddof": 0, "eps": 1e-8}
    if anchor is None:
        return _by_number(x, where, least, given, peers)
    if not whiten_batch:
        return grpo_process(**given, **peers, over="anchor")
    gap = grpo_process(**given, **peers, over="anchor", scale=None)
    return relative(gap, where=contrast(**given), scale="std", ddof=0, eps=1e-8)


def _by_number(
    x: Tensor, where: Tensor, least: int, given: dict[str, Any], peers: dict[str, Any]
) -> Tensor:
    """Turns of one number over the batch; all turns of the batch where few have the number."""
    own = grpo_process(**{**given, "anchor": None}, **peers, over="turn_of_batch")
    every = relative(x, where=where, scale="std", ddof=0, eps=1e-8)
    number = torch.arange(x.shape[1], device=x.device).expand(x.shape).reshape(-1)
    count = group_count(number, where=where.reshape(-1)).view(x.shape)
    return torch.where(count < least, every, own)
