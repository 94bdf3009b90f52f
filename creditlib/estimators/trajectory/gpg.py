"""Centered rewards, rescaled by the share of rows with a reward."""

from __future__ import annotations

from typing import Annotated

from creditlib.algebra import relative, valid_rows, wide
from creditlib.vocabulary import ArgumentSpec, Backend, Credit, Group, Lone, Reward, Valid, breaks
from creditlib.vocabulary.contract import checked

__all__ = ["gpg"]

Normalizer = Annotated[float, ArgumentSpec("the divisor of credit", above=0)]


@checked
@breaks(
    "groups_are_independent",
    "a_new_group_changes_nothing",
    "groups_may_be_computed_apart",
    because="the share of rows without a reward is that of the batch.",
)
@breaks(
    "shifting_rewards_changes_nothing",
    "no_credit_lies_beyond_the_spread",
    "better_is_never_worse",
    because="a reward of exactly 0 counts as no reward.",
)
@breaks("lone_members_get_nothing", because="a group of one gets its reward as it is.", lone="raw")
def gpg(
    *,
    reward: Reward,
    group: Group,
    valid: Valid | None = None,
    normalizer: Normalizer = 1.0,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> Credit:
    """How much better a reward is than its group's mean, scaled up when few rows have a reward.

        A[i] = alpha · (reward[i] − mean) / normalizer
        alpha = rows of the batch / rows of the batch whose reward is not exactly 0

    Degenerate cases: a constant group gives exactly 0, so does a batch without any reward; a
    group of one gives 0 (lone="raw": alpha times its reward). Counting exact zeros makes it
    change when a constant is added to all rewards.

    Source: Chu et al. 2025, arXiv:2504.02546, as in verl's `compute_gpg_outcome_advantage`.
    Differs from verl: a group of one gets 0 (`presets.VERL_GPG` restores the raw reward).

    >>> import torch
    >>> gpg(reward=torch.tensor([0.0, 1.0]), group=torch.tensor([7, 7]))
    tensor([-1.,  1.])
    """
    where = valid_rows(valid, reward)
    centered = relative(wide(reward), group, where=where, lone=lone, backend=backend)
    rewarded = (where & (reward != 0)).sum().clamp(min=1)
    alpha = where.sum().to(centered.dtype) / rewarded
    return centered * alpha / normalizer
