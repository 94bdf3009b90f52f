"""Group-relative credit at two levels: trajectories, and turns that start from the same state."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from creditlib.algebra import (
    divide,
    group_count,
    group_scale,
    relative,
    returns_to_go,
    valid_rows,
    valid_turns,
    wide,
)
from creditlib.ops.fused import fused_loop
from creditlib.vocabulary import (
    Anchor,
    ArgumentSpec,
    Backend,
    Ddof,
    Eps,
    Gamma,
    Group,
    InvalidAction,
    LeaveOut,
    Lone,
    Reward,
    TurnCount,
    TurnCredit,
    TurnReward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["gigpo"]

EpisodeWeight = Annotated[
    float,
    ArgumentSpec("factor on E, the credit of a trajectory in its group; 0 leaves S alone", low=0),
]
StepWeight = Annotated[
    float, ArgumentSpec("factor on S, the credit of a turn among turns from its state", low=0)
]
Deviation = Annotated[
    Literal["std"] | None, ArgumentSpec("the divisor of E and S: a standard deviation, or none")
]
EpisodeOver = Annotated[
    Literal["trajectory", "turn", "first_turn"],
    ArgumentSpec(
        "the members of E's mean and deviation: each trajectory once, once for each of its turns, "
        "or once with the penalty of its first turn"
    ),
]
InvalidPenalty = Annotated[float, ArgumentSpec("reward that an invalid action costs", low=0)]


@checked
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="a trajectory is part of its own baseline and deviation; leave_out='trajectory', "
    "scale=None and gamma=1 keep the law.",
)
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="each turn counts in the mean.",
    episode_over="turn",
)
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="a turn without peers is compared with all turns of the others.",
    leave_out=("turn", "trajectory"),
)
@breaks("lone_members_get_nothing", because="a group of one gets its reward as it is.", lone="raw")
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
    episode_weight: EpisodeWeight = 1.0,
    step_weight: StepWeight = 1.0,
    scale: Deviation = "std",
    episode_over: EpisodeOver = "trajectory",
    leave_out: LeaveOut | None = None,
    invalid_penalty: InvalidPenalty = 0.1,
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> TurnCredit:
    """How much better a trajectory did than its group, and a turn than other turns from its state.

        A[i,k] = episode_weight · E[i,k] + step_weight · S[i,k]
        E[i,k] = (reward[i] − p[i,k] − mean over group(i)) / (std + eps)
        S[i,k] = (G[i,k] − mean over anchor(i,k)) / (std + eps)
        G[i,k] = turn_reward[i,k] + gamma · G[i,k+1],  then − p[i,k]
        p[i,k] = invalid_penalty where invalid_action, else 0

    anchor(i,k) holds the turns of the same prompt group with the same anchor id. `reward` is the
    outcome of the whole trajectory; `turn_reward` is what the turns earned, outcome included
    (`outcome_at_last_turn` puts it there).

    The values of `episode_over` differ only with penalties or unequal turn counts; with "turn" long
    trajectories count more.

    leave_out=None keeps every turn in the mean at its anchor, as published. leave_out="trajectory",
    scale=None and gamma=1 make the expected A exactly (episode_weight + step_weight) times the
    policy gradient. With either value E leaves the trajectory out, and a turn without peers is
    compared with all turns of the group's other trajectories: a baseline that does not depend on
    its action.

    Special cases: step_weight=0 is `grpo` on every turn; so are anchors that are all distinct
    (without leave_out). One turn each from one anchor gives (1 + step_weight) · `grpo`.
    episode_weight=0 is the credit among equal states alone, to be added to any credit of
    trajectories: `per_turn(grpo(…), turn_count) + w · gigpo(…, episode_weight=0)` is
    `gigpo(…, step_weight=w)`.

    Degenerate cases: equal rewards and penalties in a group give E = 0, equal returns at an anchor
    S = 0, both exactly. An anchor met once gives S = 0 (but see leave_out); a negative anchor
    counts as met once. A group of one trajectory gives E = 0 (lone="raw": its reward minus the
    penalty; over turns only if it has a single one). Turns past `turn_count` get 0; a trajectory
    without turns counts in the statistics of E, unless they run over turns.

    Source: Feng et al. 2025, arXiv:2505.10978, Eq. 3 and 5–8.
    Differs from the authors' code: E is taken over trajectories, not step rows; anchors of
    different shapes or dtypes differ; groups of one get 0; constant groups are exactly 0.
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
    center = "mean" if leave_out is None else "leave_one_out"
    if invalid_action is None and leave_out is None and episode_over != "turn":
        loop = fused_loop("gigpo", backend, reward)
        if loop is not None:
            return loop(
                reward, group, turn_reward, anchor, turn_count, valid, gamma=gamma,
                episode_weight=episode_weight, step_weight=step_weight, center=center, lone=lone,
                scale=scale, ddof=ddof, eps=eps,
            )  # fmt: skip
    where = valid_turns(turn_count, turn_reward.shape[1], valid)
    returns = returns_to_go(wide(turn_reward), where, gamma, backend=backend)
    penalty = None
    if invalid_action is not None:
        invalid = (where & invalid_action).to(returns.dtype)
        returns, penalty = returns - invalid_penalty * invalid, (invalid, invalid_penalty)
    options: dict[str, Any] = {"scale": scale, "ddof": ddof, "eps": eps, "backend": backend}
    if episode_over == "turn":
        episode = _episode_over_turns(wide(reward), group, where, penalty, leave_out, lone, options)
    else:
        rows, first = valid_rows(valid, reward), episode_over == "first_turn"
        peers: dict[str, Any] = {"where": rows, "center": center, "lone": lone}
        if penalty is None:
            episode = relative(wide(reward), group, **peers, **options)[:, None]
        else:
            typical = _typical_penalty(penalty[0], where, first)
            episode = _episode_with_penalty(wide(reward), group, penalty, typical, peers, options)
    credit = episode_weight * episode + step_weight * _step(
        returns, group, anchor, where, leave_out, options
    )
    return torch.where(where, credit, torch.zeros_like(credit))


Penalty = tuple[Tensor, float]  # the turns with an invalid action, as numbers, and the price of one


def _typical_penalty(invalid: Tensor, where: Tensor, first: bool) -> Tensor:
    """The share of invalid turns of each trajectory, or whether its first turn is invalid.

    n / n is exactly 1, where a sum of n equal penalties over n may not be one of them.
    """
    if first and invalid.shape[1]:
        return invalid[:, 0]
    return invalid.sum(1) / where.sum(1).clamp(min=1)


def _episode_with_penalty(
    reward: Tensor,
    group: Tensor,
    penalty: Penalty,
    typical: Tensor,
    peers: dict[str, Any],
    options: dict[str, Any],
) -> Tensor:
    """E with each trajectory counted once, by its typical penalty; each turn pays its own."""
    (invalid, price), where, backend = penalty, peers["where"], options["backend"]
    score = reward - price * typical
    centered = relative(score, group, **peers, backend=backend)
    credit = centered[:, None] + price * (typical[:, None] - invalid)
    alone = group_count(group, where=where, backend=backend) == 1
    if peers["lone"] == "zero":
        credit = torch.where(alone[:, None], torch.zeros_like(credit), credit)
    if options["scale"] is None:
        return credit
    unit = group_scale(score, group, where=where, ddof=options["ddof"], backend=backend)
    unit = torch.where(alone & (peers["lone"] == "raw"), torch.ones_like(unit), unit)
    return divide(credit, unit[:, None], eps=options["eps"])


def _episode_over_turns(
    reward: Tensor,
    group: Tensor,
    where: Tensor,
    penalty: Penalty | None,
    leave_out: LeaveOut | None,
    lone: str,
    options: dict[str, Any],
) -> Tensor:
    """E with each trajectory counted once for each of its turns, as the authors' code does."""
    score = reward[:, None].expand(where.shape)
    score = score if penalty is None else score - penalty[1] * penalty[0]
    own = None if leave_out is None else _rows(group)
    credit = relative(score, group, where=where, leave_out=own, lone=lone, **options)
    if lone == "raw":
        return credit
    # A trajectory alone in its group has no peer, however many turns it has.
    several = group_count(group, where=where.any(1), backend=options["backend"]) > 1
    return torch.where(several[:, None], credit, torch.zeros_like(credit))


def _step(
    returns: Tensor,
    group: Tensor,
    anchor: Tensor,
    where: Tensor,
    leave_out: LeaveOut | None,
    options: dict[str, Any],
) -> Tensor:
    """S: the return of a turn among those of the turns that started from the same state."""
    met = where & (anchor >= 0)
    if leave_out is None:
        return relative(returns, group, anchor, where=met, **options)
    far = relative(returns, group, where=where, leave_out=_rows(group), **options)
    own: dict[str, Any] = {"center": "leave_one_out"}
    if leave_out == "trajectory":
        own = {"leave_out": _rows(group)}
    return relative(returns, group, anchor, where=met, otherwise=far, **own, **options)


def _rows(group: Tensor) -> Tensor:
    """The number of each trajectory, int[batch]."""
    return torch.arange(len(group), device=group.device)
