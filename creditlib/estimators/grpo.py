"""Group-relative outcome credit: GRPO, Dr. GRPO, Lite-PPO, and process supervision."""

from __future__ import annotations

import functools
from typing import Literal

from creditlib.contract import checked
from creditlib.ops import groups
from creditlib.ops.dispatch import pick
from creditlib.ops.masks import real_turns, taken
from creditlib.ops.precision import narrow
from creditlib.ops.returns import turn_returns
from creditlib.vocabulary import (
    Backend,
    Center,
    Credit,
    Ddof,
    Eps,
    Group,
    Lone,
    Reward,
    Scale,
    TurnCount,
    TurnCredit,
    TurnReward,
    Valid,
)

__all__ = ["grpo", "grpo_process"]

ScaleOver = Literal["group", "batch", "centered_batch"]
EpsAt = Literal["std", "variance", "floor"]


@checked
def grpo(
    *,
    reward: Reward,
    group: Group,
    valid: Valid | None = None,
    center: Center = "mean",
    scale: Scale = "std",
    scale_over: ScaleOver = "group",
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
    eps_at: EpsAt = "std",
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> Credit:
    """How much better a trajectory's reward is than that of its group, in units of its spread.

        A[i] = (reward[i] − c) / (s + eps)
        c = mean of reward over group(i);  s = sqrt( Σ (reward − mean)² / (n − ddof) )

    Special cases: scale=None is Dr. GRPO; scale_over="batch" is Lite-PPO with the deviation of
    the raw rewards of the batch, "centered_batch" with that of the group-centred rewards;
    center="leave_one_out", scale=None is `rloo`.

    Degenerate cases: a constant group gives exactly 0, whatever the constant and dtype. A group
    of one gives 0 (lone="raw": its reward, with a deviation of 1 in place of its own). Where the
    spread is 0 credit is 0. With center=None nothing is centred, so without a spread of the group
    a constant stays. An empty batch gives an empty result.

    Breaks by design:
        the_expected_gradient_is_the_true_one (scale=("std", "mad"), scale_over="group"):
            each group is divided by a deviation that its own rewards choose.
        groups_do_not_hear_each_other, a_new_group_changes_nothing,
            groups_may_be_computed_apart, no_credit_lies_beyond_the_spread
            (scale_over=("batch", "centered_batch")): one deviation serves the batch.
        credit_sums_to_zero (center="median"): deviations from a median do not cancel.
        shifting_rewards_changes_nothing, credit_sums_to_zero, better_is_never_worse,
            no_credit_lies_beyond_the_spread (center=None): nothing is subtracted.
        no_credit_lies_beyond_the_spread (scale="mad"): the median deviation may be far
            smaller than the spread.
        shifting_rewards_changes_nothing, better_is_never_worse,
            no_credit_lies_beyond_the_spread, the_expected_gradient_is_the_true_one
            (scale="mean"): the mean is the unit: meant for rewards that are success rates.
        lone_members_get_nothing (lone="raw"): a lone rollout gets its reward as it is.

    Options:
        center: "mean", "leave_one_out" (the group without i), "median", None (no centre).
        scale: "std", "mad" (median |reward − median|), "mean" (see `maxrl`), None.
        scale_over: "group", "batch" or "centered_batch": the rows the spread is taken over.
        ddof: n − ddof divides the squares; 1 is the unbiased variance.
        eps: see eps_at; unit of the reward ("variance": its square).
        eps_at: "std" s + eps; "variance" sqrt(s² + eps); "floor" max(s, eps).
        lone: what a group of one gets, "zero" or "raw".

    Source: Shao et al. 2024, arXiv:2402.03300 (outcome supervision); Dr. GRPO: Liu et al. 2025,
    arXiv:2503.20783; Lite-PPO: Liu et al. 2025, arXiv:2508.08221.
    Differs from verl: a lone rollout gets 0, not its raw reward (`presets.VERL_GRPO` restores
    it), and constant groups in float32 are exactly 0 instead of rounding noise over eps.

    >>> import torch
    >>> grpo(reward=torch.tensor([0.0, 0.0, 0.0, 1.0]), group=torch.tensor([7, 7, 7, 7]))
    tensor([-0.5000, -0.5000, -0.5000,  1.5000])
    """
    standing = pick("grpo", backend, groups.standing, reward)
    scaled = functools.partial(standing, scale=scale, ddof=ddof, eps=eps, at=eps_at)
    take = taken(valid, reward)
    if scale is None or scale_over == "group":
        credit = scaled(reward, (group,), take, by=center, lone=lone)
    elif scale_over == "centered_batch":
        credit = scaled(standing(reward, (group,), take, by=center, lone=lone), (), take, by=None)
    else:  # one spread for all of them may divide before groups are centred
        credit = standing(scaled(reward, (), take, by=None), (group,), take, by=center, lone=lone)
    return narrow(credit, reward)


@checked
def grpo_process(
    *,
    turn_reward: TurnReward,
    group: Group,
    turn_count: TurnCount,
    valid: Valid | None = None,
    scale: Scale = "std",
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
    backend: Backend = "auto",
) -> TurnCredit:
    """GRPO with process supervision: the step rewards still to come, each normalised by its group.

        z[i,k] = (turn_reward[i,k] − mean) / (std + eps)   over all turns of all members of group(i)
        A[i,k] = Σ_{j >= k} z[i,j]

    Special cases: with one turn each it is `grpo`.

    Degenerate cases: a pool of equal step rewards gives exactly 0; so does a pool of one.
    Trajectories with more steps weigh more in the statistics, as published. Turns past
    `turn_count` get 0.

    Breaks by design:
        an_earlier_turn_changes_nothing_later, long_trajectories_do_not_outvote_short_ones:
            each step weighs in the statistics, as published.
        better_is_never_worse: a better step raises the mean that later steps are held
            against.
        the_expected_gradient_is_the_true_one: a trajectory is part of its own baseline and
            deviation.

    Source: Shao et al. 2024, arXiv:2402.03300 (process supervision). No official code
    exists; ddof and eps are not stated there and are those of the outcome form.

    >>> import torch
    >>> step = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    >>> two = torch.tensor([2, 2])
    >>> grpo_process(turn_reward=step, group=torch.tensor([0, 0]), turn_count=two)
    tensor([[ 1.0000, -0.5000],
            [-1.0000, -0.5000]])
    """
    real = real_turns(turn_count, turn_reward.shape[1], valid)
    standing = pick("grpo_process", backend, groups.standing, turn_reward)
    z = standing(turn_reward, (group[:, None],), real, scale=scale, ddof=ddof, eps=eps)
    sums = pick("grpo_process", backend, turn_returns, turn_reward)
    return narrow(sums(z, real, 1.0), turn_reward)
