"""Several objectives, each normalised on its own before they are added."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from creditlib.contract import checked, refuse
from creditlib.ops import groups
from creditlib.ops.dispatch import pick
from creditlib.ops.masks import taken
from creditlib.ops.precision import narrow, wide
from creditlib.ops.whitening import standardize
from creditlib.vocabulary import Backend, Credit, Ddof, Eps, Group, Length, Lone, Rewards, Valid

__all__ = ["gdpo"]


@checked
def gdpo(
    *,
    rewards: Rewards,
    group: Group,
    length: Length | None = None,
    valid: Valid | None = None,
    weights: Sequence[float] | None = None,
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
    whiten_eps: Eps = 1e-8,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> Credit:
    """The weighted sum of one GRPO credit per objective, whitened over the batch.

        a[i,k] = grpo(rewards[:, k])[i];  s[i] = Σ_k weights[k] · a[i,k]
        A[i] = (s[i] − mean) · (variance + whiten_eps)^(−1/2)

    mean and variance count row i `length[i]` times (its tokens), or once without `length`.

    Special cases: one objective is the whitened `grpo`.

    Degenerate cases: an objective that is constant in a group adds exactly 0 there; a batch of
    equal sums gives 0; a group of one as in `grpo`.

    Breaks by design:
        groups_do_not_hear_each_other, a_new_group_changes_nothing,
            groups_may_be_computed_apart: the sum over objectives is whitened over the
            batch.
        scaling_rewards_scales_or_changes_nothing: objectives that cancel leave what eps did to
            them, and whitening enlarges it.
        better_is_never_worse: the deviation that the sum is divided by may rise by more.
        lone_members_get_nothing, constant_groups_get_nothing,
            shifting_rewards_changes_nothing, credit_sums_to_zero (lone="raw"): a raw reward
            enters the whitening.

    Source: Liu et al. 2026, arXiv:2601.05242, as in verl's `compute_gdpo_outcome_advantage`.
    Differs from verl: lone rollouts (`presets.VERL_GDPO` restores the raw reward).

    >>> import torch
    >>> rewards = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    >>> gdpo(rewards=rewards, group=torch.tensor([7, 7]))
    tensor([ 0.7071, -0.7071])
    """
    objectives = rewards.shape[1]
    scales = [1.0] * objectives if weights is None else weights
    numbers = isinstance(scales, Sequence) and all(
        isinstance(scale, (int, float)) and math.isfinite(scale) for scale in scales
    )
    if not numbers or len(scales) != objectives:
        wanted = f"one number for each of the {objectives} objectives"
        raise refuse("gdpo", "weights", wanted, repr(weights))
    standing = pick("gdpo", backend, groups.standing, rewards)
    take = taken(valid, rewards)[:, None].expand(rewards.shape)
    keys = group[:, None], torch.arange(objectives, device=rewards.device)
    parts = standing(rewards, keys, take, scale="std", ddof=ddof, eps=eps, lone=lone)
    credit = parts.new_zeros(len(parts))
    for scale, part in zip(scales, parts.unbind(1), strict=True):
        credit = credit + scale * part
    weight = wide(length) if length is not None else torch.ones_like(credit)
    weight = torch.where(taken(valid, credit), weight, torch.zeros_like(weight))
    return narrow(standardize(credit, weight, whiten_eps), rewards)
