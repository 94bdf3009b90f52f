"""Turns among peers: step rewards or returns, relative to those of comparable turns."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from creditlib.algebra import relative, returns_to_go, valid_rows, valid_turns, wide
from creditlib.ops.fused import fused_loop
from creditlib.vocabulary import (
    Anchor,
    Backend,
    Ddof,
    Ended,
    Eps,
    Gamma,
    Group,
    LeaveOut,
    Lone,
    Order,
    Over,
    Scale,
    TurnCount,
    TurnCredit,
    TurnReward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked, contract_error

__all__ = ["grpo_process"]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    because="turns are compared with turns, so one more turn moves the others.",
)
@breaks(
    "long_trajectories_do_not_outvote_short_ones",
    because="each step counts in the statistics, as published.",
    ended="absent",
)
@breaks(
    "constant_groups_get_nothing",
    because="equal rewards at each turn are returns that differ by turn.",
    order="sum_then_score",
)
@breaks(
    "better_is_never_worse",
    because="a better step raises the mean that is subtracted from later steps.",
    order="score_then_sum",
)
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="turns are compared with those of the trajectories that reach them.",
    ended="absent",
)
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="the deviation depends on the trajectory itself.",
    scale=("std", "mad", "mean"),
)
@breaks(
    "lone_members_get_nothing",
    because="a turn without peers gets its value as it is.",
    lone="raw",
)
@breaks(
    "constant_groups_get_nothing",
    because="equal step rewards make returns that differ with the turns that are left.",
    order="sum_then_score",
)
@breaks(
    "constant_groups_get_nothing",
    "lone_members_get_nothing",
    because="turns of all groups are compared, and no group is by itself.",
    over="turn_of_batch",
)
@breaks(
    "groups_are_independent",
    "a_new_group_changes_nothing",
    "groups_may_be_computed_apart",
    because="turns of all groups are compared.",
    over="turn_of_batch",
)
def grpo_process(
    *,
    turn_reward: TurnReward,
    group: Group,
    turn_count: TurnCount,
    anchor: Anchor | None = None,
    valid: Valid | None = None,
    over: Over = "group",
    order: Order = "score_then_sum",
    gamma: Gamma = 1.0,
    ended: Ended = "absent",
    leave_out: LeaveOut | None = None,
    scale: Scale = "std",
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> TurnCredit:
    """The step reward or the return of each turn, normalized by those of comparable turns.

        score_then_sum:  z = (turn_reward − mean) / (std + eps);  A[i,k] = z[i,k] + gamma · A[i,k+1]
        sum_then_score:  G[i,k] = turn_reward[i,k] + gamma · G[i,k+1];  A = (G − mean)/(std + eps)

    mean and std are those of the peers of a turn: with over="group" all turns of all members of
    group(i), with "turn" those of the same number in the group, with "anchor" those that start from
    the same state in the group, with "turn_of_batch" those of the same number in the batch.

    `leave_out` takes the turn, or all turns of its trajectory, out of its own mean. ended="zero"
    lets a trajectory that is over take part at later turn numbers with 0; those numbers count in
    its own sum too. With scale=None, gamma=1 and leave_out="trajectory" its expected gradient is
    then exactly the true one, and (n − 1)/n of it without `leave_out`, for groups of n. With
    "absent" it is not: the trajectories that are still running are compared with fewer.
    gamma=0 makes both orders the reward of this turn only.

    Special cases: the defaults are GRPO with process supervision. With one turn each every form but
    "turn_of_batch" is `grpo`.

    Degenerate cases: equal values among peers give exactly 0; with "sum_then_score" values are
    returns, which differ by turn number where the rewards are equal. A turn without peers gets 0
    (lone="raw": its value, with a scale of 1), and so does a turn with a negative anchor.
    Where `leave_out` leaves nobody, credit is 0. Trajectories with more steps count more in the
    statistics of over="group", as published. Turns past `turn_count` get 0.

    Source: Shao et al. 2024, arXiv:2402.03300 (process supervision). There is no official code.
    The paper does not state ddof and eps; they are those of the outcome form. `ended="zero"` is
    ours.

    >>> import torch
    >>> step = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    >>> two = torch.tensor([2, 2])
    >>> grpo_process(turn_reward=step, group=torch.tensor([0, 0]), turn_count=two)
    tensor([[ 1.0000, -0.5000],
            [-1.0000, -0.5000]])
    """
    if ended == "zero" and over not in ("turn", "turn_of_batch"):
        remedy = "how many zeros there are would depend on the longest trajectory of other groups"
        wanted = "'turn' or 'turn_of_batch' with ended='zero'"
        raise contract_error("grpo_process", "over", wanted, repr(over), remedy)
    if over == "anchor" and anchor is None:
        raise contract_error("grpo_process", "anchor", "given with over='anchor'", "None")
    plain = over == "group" and order == "score_then_sum" and gamma == 1.0 and leave_out is None
    if plain and lone == "zero" and scale != "mad":
        loop = fused_loop("grpo_process", backend, turn_reward)
        if loop is not None:
            return loop(turn_reward, group, turn_count, valid, scale=scale, ddof=ddof, eps=eps)
    where = valid_turns(turn_count, turn_reward.shape[1], valid)
    x = wide(turn_reward)
    if order == "sum_then_score":
        x = returns_to_go(x, where, gamma, backend=backend)
    met = where
    if ended == "zero":
        met = valid_rows(valid, group)[:, None].expand(where.shape)
        x = torch.where(where, x, 0.0)
    options: dict[str, Any] = {"scale": scale, "ddof": ddof, "eps": eps, "lone": lone}
    if leave_out == "turn":
        options["center"] = "leave_one_out"
    elif leave_out == "trajectory":
        options["leave_out"] = torch.arange(len(group), device=group.device)
    known = met & (anchor >= 0) if anchor is not None and over == "anchor" else met
    keys = _peers(over, turn_reward, group, anchor)
    z = relative(x, *keys, where=known, **options, backend=backend)
    if order == "score_then_sum":
        z = returns_to_go(z, met, gamma, backend=backend)
    return z if ended == "absent" else torch.where(where, z, 0.0)


def _peers(
    over: str, turn_reward: Tensor, group: Tensor, anchor: Tensor | None
) -> tuple[Tensor, ...]:
    """The keys that the peers of a turn share."""
    if over == "group":
        return (group,)
    if over == "anchor" and anchor is not None:
        return (group, anchor)
    number = torch.arange(turn_reward.shape[1], device=group.device)[None]
    return (number,) if over == "turn_of_batch" else (group, number)
