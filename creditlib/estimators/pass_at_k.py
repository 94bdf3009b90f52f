"""Credit for the best rollout of a group only."""

from __future__ import annotations

from typing import Literal

import torch

from creditlib.contract import checked
from creditlib.ops import groups
from creditlib.ops.dispatch import pick
from creditlib.ops.masks import taken
from creditlib.ops.precision import narrow, wide
from creditlib.vocabulary import Backend, Credit, Ddof, Eps, Group, Reward, Valid

__all__ = ["pass_at_k"]


@checked
def pass_at_k(
    *,
    reward: Reward,
    group: Group,
    valid: Valid | None = None,
    ties: Literal["zero", "share"] = "zero",
    scale: Literal["std"] | None = "std",
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
    backend: Backend = "auto",
) -> Credit:
    """The margin by which the best trajectory of a group beats the next; the others get 0.

        A[best] = (max − next) / (std + eps),  next = the largest reward among the other members

    `ties` says what several best get: "zero", since without any one of them the group would have
    done as well; or "share", the margin over the best lower reward, in equal parts.

    Degenerate cases: a constant group and a group of one give exactly 0.

    Breaks by design:
        credit_sums_to_zero: only the best is paid, and nobody pays for it.
        the_expected_gradient_is_the_true_one: credit is that of the best of k, not of the
            mean reward.
        no_credit_lies_beyond_the_spread (ddof=0): the gap between the two best may be
            larger than √n deviations.

    Source: Tang et al. 2025, arXiv:2503.19595 (k = group size), as in verl's
    `compute_grpo_passk_outcome_advantage`, which gives tied best 0 and refuses a group of one.

    >>> import torch
    >>> reward = torch.tensor([1.0, 4.0, 4.0])
    >>> pass_at_k(reward=reward, group=torch.tensor([0, 0, 0]), scale=None)
    tensor([0., 0., 0.])
    >>> pass_at_k(reward=reward, group=torch.tensor([0, 0, 0]), scale=None, ties="share")
    tensor([0.0000, 1.5000, 1.5000])
    """
    x, take = wide(reward), taken(valid, reward)
    index = pick("pass_at_k", backend, groups.dense, reward)(group)
    best = groups.group_max(x, index, take)
    at = take & (x == best)
    count = groups.members(index, at)
    lower = groups.group_max(x, index, take & ~at)
    margin = torch.where(at & lower.isfinite(), best - lower, torch.zeros_like(x))
    margin = margin / count.clamp(min=1)
    if ties == "zero":
        margin = torch.where(count > 1, torch.zeros_like(x), margin)
    if scale is not None:
        spread = groups.spread(x, index, take, ddof=ddof)
        margin = groups.scaled(margin, spread, eps=eps)
    return narrow(margin, reward)
