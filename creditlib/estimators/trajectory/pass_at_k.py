"""Credit for the best rollout of a group only."""

from __future__ import annotations

from typing import Annotated, Literal

import torch

from creditlib.algebra import divide, group_count, group_max, group_scale, valid_rows, wide
from creditlib.vocabulary import (
    ArgumentSpec,
    Backend,
    Credit,
    Ddof,
    Eps,
    Group,
    Reward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["pass_at_k"]

Ties = Annotated[
    Literal["zero", "share"],
    ArgumentSpec(
        "credit of several best trajectories: 0, or equal parts of the margin over the best lower "
        "reward"
    ),
]
Deviation = Annotated[
    Literal["std"] | None, ArgumentSpec("the divisor: the deviation of the group, or none")
]


@checked
@breaks(
    "different_rewards_get_some_credit",
    because="only the best trajectory gets credit, its margin over the next; tied best have none.",
)
@breaks(
    "credit_sums_to_zero",
    because="the best trajectory gets credit, and no other one gets less for it.",
)
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="the objective is the best of k rewards, not the mean reward.",
)
@breaks(
    "no_credit_lies_beyond_the_spread",
    because="the gap between the two best may be larger than √n deviations.",
    ddof=0,
)
def pass_at_k(
    *,
    reward: Reward,
    group: Group,
    valid: Valid | None = None,
    ties: Ties = "zero",
    scale: Deviation = "std",
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
    backend: Backend = "auto",
) -> Credit:
    """The margin by which the best trajectory of a group beats the next; the others get 0.

        A[best] = (max − next) / (std + eps),  next = the largest reward among the other members

    With ties="zero" several best trajectories get 0: without any one of them the group would have
    done as well.

    Degenerate cases: a constant group and a group of one give exactly 0.

    Source: Tang et al. 2025, arXiv:2503.19595 (k = group size), as in verl's
    `compute_grpo_passk_outcome_advantage`, which gives tied best 0 and refuses a group of one.

    >>> import torch
    >>> reward = torch.tensor([1.0, 4.0, 4.0])
    >>> pass_at_k(reward=reward, group=torch.tensor([0, 0, 0]), scale=None)
    tensor([0., 0., 0.])
    >>> pass_at_k(reward=reward, group=torch.tensor([0, 0, 0]), scale=None, ties="share")
    tensor([0.0000, 1.5000, 1.5000])
    """
    x, where = wide(reward), valid_rows(valid, reward)
    best = group_max(x, group, where=where, backend=backend)
    is_best = where & (x == best)
    count = group_count(group, where=is_best, backend=backend)
    lower = group_max(x, group, where=where & ~is_best, backend=backend)
    margin = torch.where(is_best & lower.isfinite(), best - lower, torch.zeros_like(x))
    margin = margin / count.clamp(min=1)
    if ties == "zero":
        margin = torch.where(count > 1, torch.zeros_like(x), margin)
    if scale is None:
        return margin
    deviation = group_scale(x, group, where=where, ddof=ddof, backend=backend)
    return divide(margin, deviation, eps=eps)
