"""Several objectives, each normalized before they are added."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch

from creditlib.algebra import group_max, relative, standardize, valid_rows, wide
from creditlib.vocabulary import (
    ArgumentSpec,
    Backend,
    Credit,
    Ddof,
    Eps,
    Group,
    Length,
    Lone,
    Rewards,
    Valid,
    VarianceEps,
    breaks,
)
from creditlib.vocabulary.contract import checked, contract_error

__all__ = ["gdpo"]

ObjectiveWeights = Annotated[
    Sequence[float], ArgumentSpec("factor of each objective in the sum; 1 for each by default")
]


@checked
@breaks(
    "groups_are_independent",
    "a_new_group_changes_nothing",
    "groups_may_be_computed_apart",
    because="the sum over objectives is whitened over the batch.",
)
@breaks(
    "scaling_rewards_scales_or_changes_nothing",
    because="where objectives cancel, the effect of eps remains, and whitening enlarges it.",
)
@breaks(
    "better_is_never_worse",
    because="a better reward may raise the deviation that it is divided by even more.",
)
@breaks(
    "lone_members_get_nothing",
    "constant_groups_get_nothing",
    "shifting_rewards_changes_nothing",
    "credit_sums_to_zero",
    because="a raw reward enters the whitening.",
    lone="raw",
)
def gdpo(
    *,
    rewards: Rewards,
    group: Group,
    length: Length | None = None,
    valid: Valid | None = None,
    weights: ObjectiveWeights | None = None,
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
    whiten_eps: VarianceEps = 1e-8,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> Credit:
    """The weighted sum of one GRPO credit per objective, whitened over the batch.

        a[i,k] = grpo(rewards[:, k])[i];  s[i] = Σ_k weights[k] · a[i,k]
        A[i] = (s[i] − mean) · (variance + whiten_eps)^(−1/2)

    mean and variance count row i `length[i]` times (its tokens), or once without `length`.

    rewards[i,k] = NaN says that row i has no score under objective k. The row is then no member of
    its group there: it changes no statistic of objective k, and a[i,k] = 0.

    Special cases: one objective is the whitened `grpo`. A row without any score is as a row that
    `valid` leaves out: it gets 0 and does not enter the whitening.

    Degenerate cases: an objective that is constant in a group adds exactly 0 there; objectives that
    cancel add to exactly 0; a batch of equal sums gives 0; a group of one gets what it gets in
    `grpo`, and so does the only row of a group that has a score under an objective.

    Source: Liu et al. 2026, arXiv:2601.05242, as in verl's `compute_gdpo_outcome_advantage`.
    Differs from verl: a group of one gets 0 (`presets.VERL_GDPO` restores the raw reward).

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
        raise contract_error("gdpo", "weights", wanted, repr(weights))
    scored = valid_rows(valid, rewards)[:, None] & ~rewards.isnan()
    parts = relative(
        wide(rewards),
        group,
        torch.arange(objectives, device=rewards.device)[None],
        where=scored,
        scale="std",
        ddof=ddof,
        eps=eps,
        lone=lone,
        backend=backend,
    )
    credit, size = parts.new_zeros(len(parts)), parts.new_zeros(len(parts))
    for scale, part in zip(scales, parts.unbind(1), strict=True):
        credit, size = credit + scale * part, size + (scale * part).abs()
    # Whitening would enlarge the rounding that remains of objectives that cancel. A score near the
    # mean of its group has the rounding of the largest score there.
    peak = group_max(size, group, where=scored.any(1), backend=backend)
    rounding = 8 * torch.finfo(size.dtype).eps * peak
    credit = torch.where(credit.abs() > rounding, credit, torch.zeros_like(credit))
    weight = wide(length) if length is not None else torch.ones_like(credit)
    weight = torch.where(scored.any(1), weight, torch.zeros_like(weight))
    return standardize(credit, weight, whiten_eps)
