"""Group-relative credit at two levels: trajectories, and turns that start from the same state."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from creditlib.contract import checked
from creditlib.ops import groups
from creditlib.ops.masks import flat, real_turns, taken
from creditlib.ops.precision import narrow, wide
from creditlib.ops.returns import turn_returns
from creditlib.vocabulary import (
    Anchor,
    Ddof,
    Eps,
    Gamma,
    Group,
    InvalidAction,
    Lone,
    NonNegative,
    Reward,
    TurnCount,
    TurnCredit,
    TurnReward,
    Valid,
)

__all__ = ["gigpo"]

EpisodeOver = Literal["trajectory", "turn", "first_turn"]
LeaveOut = Literal["turn", "trajectory"]


@checked
def gigpo(
    *,
    reward: Reward,
    group: Group,
    turn_reward: TurnReward,
    anchor: Anchor,
    turn_count: TurnCount,
    valid: Valid | None = None,
    invalid_action: InvalidAction | None = None,
    gamma: Gamma = 0.95,
    step_weight: NonNegative = 1.0,
    scale: Literal["std"] | None = "std",
    episode_over: EpisodeOver = "trajectory",
    leave_out: LeaveOut | None = None,
    invalid_penalty: NonNegative = 0.1,
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
    lone: Lone = "zero",
) -> TurnCredit:
    """How much better a trajectory did than its group, and a turn than others from its state.

        A[i,k] = E[i,k] + step_weight · S[i,k]
        E[i,k] = (reward[i] − p[i,k] − mean over group(i)) / (std + eps)
        S[i,k] = (G[i,k] − mean over anchor(i,k)) / (std + eps)
        G[i,k] = turn_reward[i,k] + gamma · G[i,k+1],  then − p[i,k]
        p[i,k] = invalid_penalty where invalid_action, else 0

    anchor(i,k) holds the turns of the same prompt group with the same anchor id. `reward` is the
    outcome of the whole trajectory; `turn_reward` is what the turns earned, outcome included
    (`outcome_at_last_turn` puts it there).

    Special cases: step_weight=0 is `grpo` on every turn; so are anchors that are all distinct
    (without leave_out). One turn each from one anchor gives (1 + step_weight) · `grpo`.

    Degenerate cases: equal rewards and penalties in a group give E = 0, equal returns at an anchor
    S = 0, both exactly. An anchor met once gives S = 0 (but see leave_out); a negative anchor
    counts as met once. A group of one trajectory gives E = 0 (lone="raw": its reward minus the
    penalty; over turns only if it has a single one). Turns past `turn_count` get 0; a trajectory
    without turns counts in the statistics of E, unless they run over turns.

    Breaks by design:
        the_expected_gradient_is_the_true_one: a trajectory is part of its own baseline and
            deviation; leave_out="trajectory", scale=None and gamma=1 keep the law.
        an_earlier_turn_changes_nothing_later, long_trajectories_do_not_outvote_short_ones
            (episode_over="turn"): each turn weighs in the mean.
        an_earlier_turn_changes_nothing_later, long_trajectories_do_not_outvote_short_ones
            (leave_out=("turn", "trajectory")): a turn without peers is compared with all
            turns of the others.
        lone_members_get_nothing (lone="raw"): a lone rollout gets its reward as it is.

    Options:
        episode_over: what E's mean and deviation run over. "trajectory": each trajectory once;
            "turn": once per turn, so that long ones weigh more; "first_turn": once, with the
            penalty of its first turn. They differ only with penalties or unequal turn counts.
        leave_out: None keeps every turn in its own anchor mean, as published. "turn" leaves the
            turn out; "trajectory" leaves its whole trajectory out, which with scale=None makes
            E + S exactly (1 + step_weight) times the policy gradient in expectation (at gamma 1).
            With either, E leaves the trajectory out, and a turn left alone is compared with all
            turns of the group's other trajectories: a baseline that its action cannot choose.
        scale: "std" or None (mean only).

    Source: Feng et al. 2025, arXiv:2505.10978, Eq. 3 and 5–8.
    Differs from the authors' code: E runs over trajectories, not step rows; anchors tell shapes
    and dtypes apart; lone trajectories get 0; constant groups are exactly 0.
    `presets.VERL_AGENT_GIGPO` restores its numbers.

    >>> import torch
    >>> reward = torch.tensor([1.0, 0.0])
    >>> gigpo(
    ...     reward=reward,
    ...     group=torch.tensor([0, 0]),
    ...     turn_reward=torch.tensor([[0.0, 1.0], [0.0, 0.0]]),
    ...     anchor=torch.tensor([[5, 6], [5, 7]]),
    ...     turn_count=torch.tensor([2, 2]),
    ...     scale=None,
    ... )
    tensor([[ 0.9750,  0.5000],
            [-0.9750, -0.5000]])
    """
    real = real_turns(turn_count, turn_reward.shape[1], valid)
    penalty = torch.zeros_like(wide(turn_reward))
    if invalid_action is not None:
        penalty = torch.where(real & invalid_action, invalid_penalty, penalty)
    returns = turn_returns(wide(turn_reward), real, gamma) - penalty
    plan = _Plan(group, real, scale, ddof, eps, leave_out)
    if episode_over == "turn":
        episode = _episode_over_turns(wide(reward), penalty, plan, lone)
    else:
        first = episode_over == "first_turn"
        take = taken(valid, reward)
        episode = _episode_over_trajectories(wide(reward), penalty, plan, take, first, lone)
    credit = episode + step_weight * _step(returns, anchor, plan)
    return narrow(torch.where(real, credit, torch.zeros_like(credit)), reward, turn_reward)


class _Plan:
    """What both terms share: who is compared with whom, and by which rule."""

    def __init__(
        self,
        group: Tensor,
        real: Tensor,
        scale: str | None,
        ddof: int,
        eps: float,
        leave_out: LeaveOut | None,
    ) -> None:
        self.group, self.real = groups.dense(group), real
        self.scale, self.ddof, self.eps, self.leave_out = scale, ddof, eps, leave_out
        rows = torch.arange(real.shape[0], device=real.device)
        self.turn_group, self.turn_row = flat(self.group, real), flat(rows, real)

    def scaled(self, centered: Tensor, x: Tensor, index: Tensor, take: Tensor) -> Tensor:
        if self.scale is None:
            return centered
        spread = groups.spread(x, index, take, ddof=self.ddof)
        return groups.scaled(centered, spread, eps=self.eps)


def _episode_over_trajectories(
    reward: Tensor, penalty: Tensor, plan: _Plan, take: Tensor, first: bool, lone: str
) -> Tensor:
    """E with each trajectory counted once: by its mean penalty, or by that of its first turn."""
    turns = plan.real.sum(1).clamp(min=1)
    if first and penalty.shape[1]:
        typical = penalty[:, 0]
    else:
        # The share first: n/n is exactly 1, a sum of n equal penalties over n is not one of them.
        share = (penalty > 0).sum(1).to(penalty.dtype) / turns
        typical = share * torch.cat([penalty, penalty.new_zeros(len(penalty), 1)], 1).amax(1)
    score = reward - typical
    by = "mean" if plan.leave_out is None else "leave_one_out"
    centered = groups.center(score, plan.group, take, by=by)
    centered = groups.lone_rows(centered, score, plan.group, take, lone)
    alone = groups.members(plan.group, take) == 1
    every = centered[:, None] + (typical[:, None] - penalty)
    if lone == "zero":
        every = torch.where(alone[:, None], torch.zeros_like(every), every)
    if plan.scale is None:
        return every
    spread = groups.spread(score, plan.group, take, ddof=plan.ddof)
    spread = torch.where(alone & (lone == "raw"), torch.ones_like(spread), spread)
    return groups.scaled(every, spread[:, None], eps=plan.eps)


def _episode_over_turns(reward: Tensor, penalty: Tensor, plan: _Plan, lone: str) -> Tensor:
    """E with each trajectory counted once per turn, the authors' default."""
    score, take = (reward[:, None] - penalty).reshape(-1), plan.real.reshape(-1)
    own = None if plan.leave_out is None else plan.turn_row
    centered = groups.center(score, plan.turn_group, take, leave_out=own)
    centered = groups.lone_rows(centered, score, plan.turn_group, take, lone)
    if lone == "zero":  # all turns of the group are one trajectory's
        peers = groups.members(plan.turn_group, take) - groups.members(plan.turn_row, take)
        centered = torch.where(peers > 0, centered, torch.zeros_like(centered))
    if plan.scale is None:
        return centered.view(penalty.shape)
    spread = groups.spread(score, plan.turn_group, take, ddof=plan.ddof)
    alone = groups.members(plan.turn_group, take) == 1
    spread = torch.where(alone & (lone == "raw"), torch.ones_like(spread), spread)
    return groups.scaled(centered, spread, eps=plan.eps).view(penalty.shape)


def _step(returns: Tensor, anchor: Tensor, plan: _Plan) -> Tensor:
    """S: returns against those of the turns that started from the same state."""
    x, real = returns.reshape(-1), plan.real.reshape(-1)
    take = real & (anchor.reshape(-1) >= 0)
    index = groups.dense(plan.turn_group, anchor.reshape(-1))
    if plan.leave_out is None:
        return plan.scaled(groups.center(x, index, take), x, index, take).view(returns.shape)
    each = torch.arange(x.numel(), device=x.device)
    own = each if plan.leave_out == "turn" else groups.dense(index, plan.turn_row)
    others = groups.members(index, take) - groups.members(own, take)
    near = plan.scaled(groups.center(x, index, take, leave_out=own), x, index, take)
    far = groups.center(x, plan.turn_group, real, leave_out=plan.turn_row)
    far = plan.scaled(far, x, plan.turn_group, real)
    return torch.where(take & (others > 0), near, far).view(returns.shape)
