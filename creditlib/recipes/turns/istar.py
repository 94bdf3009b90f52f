"""iStar: outcome against the others' outcomes, each step against the others' steps."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from creditlib.algebra import (
    divide,
    group_count,
    group_scale,
    relative,
    valid_turns,
    wide,
)
from creditlib.estimators import grpo_process
from creditlib.vocabulary import (
    ArgumentSpec,
    Group,
    Lone,
    NonNegative,
    Reward,
    TurnCount,
    TurnCredit,
    TurnReward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["istar"]

MeanOf = Annotated[
    Literal["leave_one_out", "mean"],
    ArgumentSpec("the subtracted mean: of the other members, or of all of them"),
]
StdOrNone = Annotated[
    Literal["std"], ArgumentSpec("the divisor: the deviation of the members, or none")
]
Baseline = Annotated[
    Literal["turn", "first_turn"],
    ArgumentSpec("the steps of a baseline: all of the group, or the first of each trajectory"),
]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="steps are compared with steps of the group.",
)
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="a step reads its own reward and not those that follow.",
)
def istar(
    *,
    reward: Reward,
    turn_reward: TurnReward,
    group: Group,
    turn_count: TurnCount,
    valid: Valid | None = None,
    step_weight: NonNegative = 1.0,
    center: MeanOf = "leave_one_out",
    scale: StdOrNone | None = None,
    baseline: Baseline = "turn",
    lone: Lone = "zero",
) -> TurnCredit:
    """Leave-one-out credit of the outcome plus leave-one-out credit of an implicit step reward.

        A[i,k] = (reward[i] − mean of the others) + step_weight · (s[i,k] − mean of the other steps)
        s = turn_reward

    The step reward of an implicit process reward model is
    `beta * turn_sum(log_prob - old_log_prob, turn, turns)` with the log-probabilities of the model
    and of its reference; `s / (s.abs().max() + 1e-6)` over the batch is the authors' norm.
    baseline="first_turn" takes the mean, times n/(n − 1), of the first steps of the n trajectories.

    Options:
        step_weight: factor on the credit of the step reward.

    Degenerate cases: a group of one gets 0 (lone="raw": its values). Equal steps of a group get
    exactly 0. Turns past `turn_count` get 0.

    Source: iStar 2025, arXiv:2509.19199; the authors' code was run.
    Differs from it: their step baseline is over the first row of each trajectory
    (`presets.ISTAR_OFFICIAL`), which differs by up to 4.8 and in sign on 5 to 16 % of the turns of
    the golden batches.

    >>> import torch
    >>> istar(
    ...     reward=torch.tensor([1.0, 0.0]),
    ...     turn_reward=torch.tensor([[0.5, 0.0], [0.0, 0.0]]),
    ...     group=torch.tensor([0, 0]),
    ...     turn_count=torch.tensor([2, 1]),
    ... )
    tensor([[ 1.5000,  0.7500],
            [-1.2500,  0.0000]])
    """
    unit: dict[str, Any] = {"scale": scale, "ddof": 1, "eps": 1e-6}
    where = valid_turns(turn_count, turn_reward.shape[1], valid)
    outcome = relative(wide(reward), group, valid=valid, center=center, lone=lone, **unit)
    if baseline == "turn":
        step = grpo_process(
            turn_reward=wide(turn_reward), group=group, turn_count=turn_count, valid=valid,
            order="sum_then_score", gamma=0.0, leave_out="turn" if center != "mean" else None,
            lone=lone, **unit,
        )  # fmt: skip
    else:
        step = _above_first_steps(wide(turn_reward), group, where, center, scale, lone)
    return torch.where(where, outcome[:, None] + step_weight * step, 0.0)


def _above_first_steps(
    x: Tensor, group: Tensor, where: Tensor, center: str, scale: str | None, lone: str
) -> Tensor:
    """Each step minus the mean of the first steps of the group."""
    first = torch.nn.functional.pad(x, (0, 1))[:, 0]  # the appended column serves no turns
    started = torch.nn.functional.pad(where, (0, 1))[:, 0]
    gap = x - (first - relative(first, group, where=started))[:, None]
    count = group_count(group, where=started)[:, None]
    if center == "leave_one_out":
        gap = gap * count / (count - 1).clamp(min=1)
    gap = torch.where(count > 1, gap, x if lone == "raw" else torch.zeros_like(x))
    if scale is None:
        return gap
    unit = group_scale(first, group, where=started)[:, None]
    return divide(gap, torch.where(count > 1, unit, 1.0), eps=1e-6)
