"""Min-form credit from a process reward model: a chain of steps is as good as its worst one."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from creditlib.algebra import (
    group_count,
    relative,
    returns_to_go,
    running_min,
    valid_rows,
    valid_turns,
    wide,
)
from creditlib.estimators.turn.min_returns import min_steps
from creditlib.vocabulary import (
    ArgumentSpec,
    Backend,
    Group,
    Length,
    Lone,
    ProcessReward,
    Reward,
    Temperature,
    TurnCount,
    TurnCredit,
    TurnLength,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked, contract_error

__all__ = ["pure"]

Form = Annotated[
    Literal["softmin", "hard_min", "suffix_min"],
    ArgumentSpec(
        "the return: sums weighted by the softmin, sums with all weight on the minimum, or the "
        "minimum itself"
    ),
]
BaselineUnit = Annotated[
    Literal["step", "token"], ArgumentSpec("whether the baseline is one number a step or a token")
]
RewardWeight = Annotated[float, ArgumentSpec("factor on the credit of the outcome", low=0)]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="a trajectory's value depends on all its steps, and so does the baseline of others.",
)
@breaks(
    "better_is_never_worse",
    because="a step's share depends on all steps of the trajectory.",
    form=("softmin", "hard_min"),
)
@breaks(
    "constant_groups_get_nothing",
    because="the baseline is one per token, so more is subtracted from a long step.",
    baseline="token",
)
@breaks("lone_members_get_nothing", because="a lone rollout gets its reward as it is.", lone="raw")
def pure(
    *,
    process_reward: ProcessReward,
    group: Group,
    turn_count: TurnCount,
    turn_length: TurnLength | None = None,
    length: Length | None = None,
    reward: Reward | None = None,
    valid: Valid | None = None,
    form: Form = "softmin",
    temperature: Temperature = 0.1,
    baseline: BaselineUnit = "step",
    reward_weight: RewardWeight = 1.0,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> TurnCredit:
    """The min-form return of a step against the average of the group's other trajectories.

        A[i,k] = Σ_{j >= k} (s[i,j] − b[i,j]) + reward_weight · (reward[i] − mean of the others)
        s[i,k] = process_reward[i,k] · softmax(−process_reward[i] / temperature)[k]
        b[i,k] = mean over the others o of Σ_j s[o,j] / turn_count[o]              baseline="step"
        b[i,k] = turn_length[i,k] · Σ_o Σ_j s[o,j] / Σ_o length[o]                 baseline="token"

    The sum of s is close to the smallest score. The sum from a step to the end is near that minimum
    up to the worst step and near 0 after it. form="hard_min" puts all weight on the minimum.
    form="suffix_min" is no sum: it is the minimum of the steps still to come, minus the mean of
    this minimum over the steps of the others, each counted once or turn_length times. See
    `softmin_returns`, `hard_min_returns`, `suffix_min_returns`. `length` is the sum of
    `turn_length` unless it is given. It divides sums, so "suffix_min" does not read it.

    Special cases: one step each, no `reward`: `rloo` of the scores. temperature → ∞: mean form.

    Degenerate cases: a trajectory without peers, or whose peers have no steps, gets 0 (lone="raw":
    its returns, with a baseline of 0). A group of equal scores, step counts and turn lengths gives
    exactly 0. Padding enters neither the softmax nor a baseline. Turns past `turn_count` get 0.

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
        raise contract_error("pure", "turn_length", "given with baseline='token'", "None")
    score, where = wide(process_reward), valid_turns(turn_count, process_reward.shape[1], valid)
    rows = valid_rows(valid, process_reward)
    unit, size = _units(where, score, turn_length, baseline)
    if form == "suffix_min":
        own, credit = _value_form(score, where, group, unit, backend)
    else:
        if baseline == "token" and length is not None:
            size = wide(length)
        heat = temperature if form == "softmin" else None
        step = min_steps(score, where, heat, backend=backend)
        own = returns_to_go(step, where, backend=backend)
        excess = _excess(step, where, rows, group, unit, size, baseline, backend)
        credit = returns_to_go(excess, where, backend=backend)
    peers = rows & (size > 0)
    others = group_count(group, where=peers, backend=backend) - peers.to(score.dtype)
    raw = own if lone == "raw" else torch.zeros_like(own)
    credit = torch.where((others == 0)[:, None], raw, credit)
    if reward is not None:
        outcome = relative(
            wide(reward), group, where=rows, center="leave_one_out", lone=lone, backend=backend
        )
        credit = credit + reward_weight * outcome[:, None]
    return torch.where(where, credit, torch.zeros_like(credit))


def _units(
    where: Tensor, score: Tensor, turn_length: Tensor | None, baseline: str
) -> tuple[Tensor, Tensor]:
    """How much a turn counts in a baseline, and how much its trajectory does."""
    if baseline == "token" and turn_length is not None:
        unit = torch.where(where, wide(turn_length), torch.zeros_like(score))
        return unit, unit.sum(1)
    return where.to(score.dtype), where.any(1).to(score.dtype)


def _value_form(
    score: Tensor, where: Tensor, group: Tensor, unit: Tensor, backend: str
) -> tuple[Tensor, Tensor]:
    """The minimum of the steps still to come, and how far it lies above that of the others."""
    value = running_min(score, where, backend=backend)
    row = torch.arange(len(score), device=score.device)
    credit = relative(value, group, where=where, weight=unit, leave_out=row, backend=backend)
    return value, credit


def _excess(
    step: Tensor,
    where: Tensor,
    rows: Tensor,
    group: Tensor,
    unit: Tensor,
    size: Tensor,
    baseline: str,
    backend: str,
) -> Tensor:
    """S − b of each step, as two differences that are exactly 0 in a constant group.

    The first is the distance of the step to the mean of its own row. The second is the distance of
    that mean to the mean of the others.
    """
    count, mean = where.sum(1).to(step.dtype), _row_means(step, where, backend)
    share, rate = unit, mean
    if baseline == "token":
        divisor = torch.where(size > 0, size, torch.ones_like(size))
        share, rate = count[:, None] * unit / divisor[:, None], mean * count / divisor
    above_others = relative(
        rate, group, where=rows, center="leave_one_out", weight=size, backend=backend
    )
    return (step - mean[:, None] * share) + above_others[:, None] * unit


def _row_means(step: Tensor, where: Tensor, backend: str) -> Tensor:
    """The mean of the selected steps of each row, exactly their value where they are equal."""
    lowest = running_min(step, where, backend="torch")[:, :1]
    count = where.sum(1, keepdim=True).clamp(min=1)
    mean = lowest + returns_to_go(step - lowest, where, backend=backend)[:, :1] / count
    # The appended column serves a batch without turns.
    return torch.nn.functional.pad(mean, (0, 1))[:, 0]
