"""Group-relative credit at two levels: trajectories, and turns that start from the same state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from creditlib.contract import checked
from creditlib.ops import groups
from creditlib.ops.dispatch import pick
from creditlib.ops.masks import real_turns, taken
from creditlib.ops.precision import narrow, wide
from creditlib.ops.returns import turn_returns
from creditlib.vocabulary import (
    Anchor,
    Backend,
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
    backend: Backend = "auto",
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
    returns = pick("gigpo", backend, turn_returns, reward)(wide(turn_reward), real, gamma)
    invalid = None if invalid_action is None else (real & invalid_action).to(returns.dtype)
    returns = returns if invalid is None else returns - invalid_penalty * invalid
    standing = pick("gigpo", backend, groups.standing, reward)
    plan = _Plan(standing, group, real, scale, ddof, eps, leave_out, lone, invalid_penalty)
    if episode_over == "turn":
        episode = _episode_over_turns(wide(reward), invalid, plan)
    else:
        take, first = taken(valid, reward), episode_over == "first_turn"
        episode = _episode_over_trajectories(wide(reward), invalid, plan, take, first)
    credit = episode + step_weight * _step(returns, anchor, plan)
    return narrow(torch.where(real, credit, torch.zeros_like(credit)), reward, turn_reward)


class _Plan(NamedTuple):
    """What both terms share: who is compared with whom, and by which rule."""

    standing: Callable[..., Tensor]
    group: Tensor
    real: Tensor
    scale: str | None
    ddof: int
    eps: float
    leave_out: LeaveOut | None
    lone: str
    penalty: float

    @property
    def rows(self) -> Tensor:
        """The number of each trajectory, int[batch 1]."""
        return torch.arange(len(self.group), device=self.group.device)[:, None]

    def scaled(self, x: Tensor, keys: tuple[Tensor, ...], take: Tensor, **more: Any) -> Tensor:
        options = {"scale": self.scale, "ddof": self.ddof, "eps": self.eps}
        return self.standing(x, keys, take, **options, **more)


def _episode_over_trajectories(
    reward: Tensor, invalid: Tensor | None, plan: _Plan, take: Tensor, first: bool
) -> Tensor:
    """E with each trajectory counted once: by its mean penalty, or by that of its first turn."""
    by = "mean" if plan.leave_out is None else "leave_one_out"
    if invalid is None:
        return plan.scaled(reward, (plan.group,), take, by=by, lone=plan.lone)[:, None]
    if first and invalid.shape[1]:
        typical = invalid[:, 0]
    else:  # the share, since n/n is exactly 1: a sum of n equal penalties over n is not one of them
        typical = invalid.sum(1) / plan.real.sum(1).clamp(min=1)
    score = reward - plan.penalty * typical
    centered = plan.standing(score, (plan.group,), take, by=by, lone=plan.lone)
    every = centered[:, None] + plan.penalty * (typical[:, None] - invalid)
    index = groups.dense(plan.group)
    alone = groups.members(index, take) == 1
    if plan.lone == "zero":
        every = torch.where(alone[:, None], torch.zeros_like(every), every)
    if plan.scale is None:
        return every
    spread = groups.spread(score, index, take, ddof=plan.ddof)
    spread = torch.where(alone & (plan.lone == "raw"), torch.ones_like(spread), spread)
    return groups.scaled(every, spread[:, None], eps=plan.eps)


def _episode_over_turns(reward: Tensor, invalid: Tensor | None, plan: _Plan) -> Tensor:
    """E with each trajectory counted once per turn, the authors' default."""
    score = reward[:, None].expand(plan.real.shape)
    score = score if invalid is None else score - plan.penalty * invalid
    own = None if plan.leave_out is None else plan.rows
    every = plan.scaled(score, (plan.group[:, None],), plan.real, leave_out=own, lone=plan.lone)
    if plan.lone == "raw":
        return every
    # A trajectory alone has nobody to be compared with, however many turns it has.
    several = groups.members(groups.dense(plan.group), plan.real.any(1)) > 1
    return torch.where(several[:, None], every, torch.zeros_like(every))


def _step(returns: Tensor, anchor: Tensor, plan: _Plan) -> Tensor:
    """S: returns against those of the turns that started from the same state."""
    group = plan.group[:, None]
    state, met = (group, anchor), plan.real & (anchor >= 0)
    if plan.leave_out is None:
        return plan.scaled(returns, state, met)
    far = plan.scaled(returns, (group,), plan.real, leave_out=plan.rows)
    if plan.leave_out == "turn":
        return plan.scaled(returns, state, met, by="leave_one_out", otherwise=far)
    return plan.scaled(returns, state, met, leave_out=plan.rows, otherwise=far)
