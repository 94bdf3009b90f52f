"""Min-form credit from a process reward model: a chain of steps is as good as its worst one."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from creditlib.contract import checked, refuse
from creditlib.estimators.min_returns import min_steps
from creditlib.ops import groups
from creditlib.ops.masks import real_turns, taken
from creditlib.ops.precision import narrow, wide
from creditlib.ops.returns import turn_returns
from creditlib.vocabulary import (
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
) -> TurnCredit:
    """The min-form return of a step against what the group's other trajectories earn on average.

        A[i,k] = Σ_{j >= k} (s[i,j] − b[i,j]) + reward_weight · (reward[i] − mean of the others)
        s[i,k] = process_reward[i,k] · softmax(−process_reward[i] / temperature)[k]
        b[i,k] = mean over the others o of Σ_j s[o,j] / turn_count[o]              baseline="step"
        b[i,k] = turn_length[i,k] · Σ_o Σ_j s[o,j] / Σ_o length[o]                 baseline="token"

    The sum of s is close to the smallest score; its suffix sum is near that minimum up to the
    worst step and near 0 after it. form="hard_min" puts all weight on the minimum, "suffix_min"
    is the literal minimum of the steps still to come (see `softmin_returns`, `hard_min_returns`,
    `suffix_min_returns`). `length` is the sum of `turn_length` unless given.

    Special cases: one step each, no `reward`: `rloo` of the scores. temperature → ∞: mean form.

    Degenerate cases: a trajectory alone, or whose peers all lack steps, gets 0 (lone="raw": its
    returns, baseline 0): trajectories without steps set no baseline. A group of equal scores, step
    counts and turn lengths gives exactly 0, but for form="suffix_min", which sets the whole score
    against the baseline of the steps still to come: k · score / turn_count at step k. Padding never
    enters the softmax or a baseline. Turns past `turn_count` get 0.

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
    index = groups.dense(group)
    step = min_steps(wide(process_reward), real, form, temperature)
    count, mean = real.sum(1).to(step.dtype), _row_means(step, real)
    if baseline == "token" and turn_length is not None:
        unit = torch.where(real, wide(turn_length), torch.zeros_like(step))
        size = unit.sum(1) if length is None else wide(length)
        divisor = torch.where(size > 0, size, torch.ones_like(size))
        share, rate = count[:, None] * unit / divisor[:, None], mean * count / divisor
    else:
        unit, size = real.to(step.dtype), (count > 0).to(step.dtype)
        share, rate = unit, mean
    excess = groups.center(rate, index, take, by="leave_one_out", weight=size)
    # s − b as the deviation from the row's own rate plus that rate's from the others': in a
    # constant group both are exactly 0, where s − b would leave rounding.
    inner = (step - mean[:, None] * share) + excess[:, None] * unit
    credit = turn_returns(inner, real, 1.0)
    sized = size > 0
    peers = groups.members(index, take & sized) - (take & sized).to(step.dtype)
    alone = (peers == 0)[:, None]
    raw = turn_returns(step, real, 1.0) if lone == "raw" else torch.zeros_like(credit)
    credit = torch.where(alone, raw, credit)
    if reward is not None:
        outcome = wide(reward)
        against = groups.center(outcome, index, take, by="leave_one_out")
        against = groups.lone_rows(against, outcome, index, take, lone)
        credit = credit + reward_weight * against[:, None]
    return narrow(torch.where(real, credit, torch.zeros_like(credit)), process_reward, reward)


def _row_means(step: Tensor, real: Tensor) -> Tensor:
    """The mean of each row's real steps, exactly the common value where they are equal."""
    rows = torch.arange(step.shape[0], device=step.device)[:, None].expand(step.shape)
    means = groups.group_mean(step.reshape(-1), rows.reshape(-1), real.reshape(-1))
    # All entries of a row are its mean; the appended column serves a batch without turns.
    return torch.nn.functional.pad(means.view(step.shape), (0, 1))[:, 0]
