"""Min-form credit from a process reward model: a chain of steps is as good as its worst one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from creditlib.contract import checked, refuse
from creditlib.estimators.min_returns import min_steps
from creditlib.ops import groups
from creditlib.ops.dispatch import pick
from creditlib.ops.masks import real_turns, taken
from creditlib.ops.precision import narrow, wide
from creditlib.ops.returns import turn_returns
from creditlib.ops.scan import reverse_minimum
from creditlib.ops.softmin import suffix_min
from creditlib.vocabulary import (
    Backend,
    Group,
    Length,
    Lone,
    NonNegative,
    Positive,
    ProcessReward,
    Reward,
    TurnCount,
    TurnCredit,
    TurnLength,
    Valid,
)

__all__ = ["pure"]


@checked
def pure(
    *,
    process_reward: ProcessReward,
    group: Group,
    turn_count: TurnCount,
    turn_length: TurnLength | None = None,
    length: Length | None = None,
    reward: Reward | None = None,
    valid: Valid | None = None,
    form: Literal["softmin", "hard_min", "suffix_min"] = "softmin",
    temperature: Positive = 0.1,
    baseline: Literal["step", "token"] = "step",
    reward_weight: NonNegative = 1.0,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> TurnCredit:
    """The min-form return of a step against what the group's other trajectories earn on average.

        A[i,k] = Σ_{j >= k} (s[i,j] − b[i,j]) + reward_weight · (reward[i] − mean of the others)
        s[i,k] = process_reward[i,k] · softmax(−process_reward[i] / temperature)[k]
        b[i,k] = mean over the others o of Σ_j s[o,j] / turn_count[o]              baseline="step"
        b[i,k] = turn_length[i,k] · Σ_o Σ_j s[o,j] / Σ_o length[o]                 baseline="token"

    The sum of s is close to the smallest score; its suffix sum is near that minimum up to the
    worst step and near 0 after it. form="hard_min" puts all weight on the minimum. "suffix_min" is
    a value and no sum: the literal minimum of the steps still to come, minus its mean over the
    others' steps, each counted once or turn_length times. See `softmin_returns`,
    `hard_min_returns`, `suffix_min_returns`. `length` is the sum of `turn_length` unless given;
    it divides sums, so "suffix_min" does not read it.

    Special cases: one step each, no `reward`: `rloo` of the scores. temperature → ∞: mean form.

    Degenerate cases: a trajectory alone, or whose peers all lack steps, gets 0 (lone="raw": its
    returns, baseline 0): trajectories without steps set no baseline. A group of equal scores, step
    counts and turn lengths gives exactly 0. Padding never enters the softmax or a baseline. Turns
    past `turn_count` get 0.

    Breaks by design:
        an_earlier_turn_changes_nothing_later, long_trajectories_do_not_outvote_short_ones: a
            trajectory's value depends on all its steps, and so does the baseline of others.
        better_is_never_worse (form=("softmin", "hard_min")): a step's share depends on all
            steps of the trajectory.
        constant_groups_get_nothing (baseline="token"): the baseline is one per token: a
            long step is held to more than a short one.
        lone_members_get_nothing (lone="raw"): a lone rollout gets its reward as it is.

    Source: Cheng et al. 2025, arXiv:2504.15275 (advantage: Eq. 7–8); baselines as in the authors'
    OpenRLHF code (`presets.PURE_OPENRLHF_STEP`, `presets.PURE_OPENRLHF_TOKEN`).
    Differs from it: credit is not zeroed on the token that ends a step (mask the turn map for
    that). The verl branch divides by the padded width, is NaN for a lone rollout and takes its
    strict minimum over zero-filled tokens; none of that is reproduced.

    >>> import torch
    >>> pure(
    ...     process_reward=torch.tensor([[1.0], [0.0], [0.5]]),
    ...     group=torch.tensor([0, 0, 0]),
    ...     turn_count=torch.tensor([1, 1, 1]),
    ... )
    tensor([[ 0.7500],
            [-0.7500],
            [ 0.0000]])
    """
    if baseline == "token" and turn_length is None:
        raise refuse("pure", "turn_length", "given with baseline='token'", "None")
    turns = process_reward.shape[1]
    real = real_turns(turn_count, turns, valid)
    take = taken(valid, process_reward)
    standing = pick("pure", backend, groups.standing, process_reward)
    sums = pick("pure", backend, turn_returns, process_reward)
    score = wide(process_reward)
    unit = real.to(score.dtype)
    size = real.any(1).to(score.dtype)
    if baseline == "token" and turn_length is not None:
        unit = torch.where(real, wide(turn_length), torch.zeros_like(score))
        stated = None if form == "suffix_min" else length
        size = unit.sum(1) if stated is None else wide(stated)
    index = pick("pure", backend, groups.dense, process_reward)(group)
    peers = groups.members(index, take & (size > 0)) - (take & (size > 0)).to(score.dtype)
    if form == "suffix_min":
        value = suffix_min(score, real, pick("pure", backend, reverse_minimum, score))
        rows = torch.arange(len(score), device=score.device)[:, None]
        credit = standing(value, (group[:, None],), real, weight=unit, leave_out=rows)
    else:
        heat = temperature if form == "softmin" else None
        step = min_steps(score, real, heat, sums)
        value = sums(step, real, 1.0)
        count, mean = real.sum(1).to(step.dtype), _row_means(step, real, sums)
        share, rate = unit, mean
        if baseline == "token":
            divisor = torch.where(size > 0, size, torch.ones_like(size))
            share, rate = count[:, None] * unit / divisor[:, None], mean * count / divisor
        # S − b is the deviation from the row's own rate, plus that rate's from the others': in a
        # constant group both are exactly 0, where s − b would leave rounding.
        beyond = standing(rate, (group,), take, by="leave_one_out", weight=size)
        excess = (step - mean[:, None] * share) + beyond[:, None] * unit
        credit = sums(excess, real, 1.0)
    raw = value if lone == "raw" else torch.zeros_like(value)
    credit = torch.where((peers == 0)[:, None], raw, credit)
    if reward is not None:
        against = standing(reward, (group,), take, by="leave_one_out", lone=lone)
        credit = credit + reward_weight * against[:, None]
    return narrow(torch.where(real, credit, torch.zeros_like(credit)), process_reward, reward)


def _row_means(step: Tensor, real: Tensor, sums: Callable[..., Tensor]) -> Tensor:
    """The mean of each row's real steps, exactly the common value where they are equal."""
    lowest = suffix_min(step, real)[:, :1]
    count = real.sum(1, keepdim=True).clamp(min=1)
    mean = lowest + sums(step - lowest, real, 1.0)[:, :1] / count
    # The appended column serves a batch without turns.
    return torch.nn.functional.pad(mean, (0, 1))[:, 0]
