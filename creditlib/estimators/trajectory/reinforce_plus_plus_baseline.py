"""REINFORCE++ with a group baseline: centered rewards whitened over tokens."""

from __future__ import annotations

import torch

from creditlib.algebra import relative, standardize, valid_rows, wide
from creditlib.vocabulary import (
    Backend,
    Credit,
    Group,
    Length,
    Lone,
    Reward,
    Valid,
    VarianceEps,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["reinforce_plus_plus_baseline"]


@checked
@breaks(
    "groups_are_independent",
    "a_new_group_changes_nothing",
    "groups_may_be_computed_apart",
    "no_credit_lies_beyond_the_spread",
    because="credit is whitened over the batch.",
)
@breaks(
    "better_is_never_worse", because="a higher reward raises the deviation that it is divided by."
)
@breaks(
    "credit_sums_to_zero",
    "long_trajectories_do_not_outvote_short_ones",
    because="the mean that is subtracted is taken over tokens.",
)
@breaks(
    "lone_members_get_nothing",
    "constant_groups_get_nothing",
    "shifting_rewards_changes_nothing",
    because="a raw reward enters the whitening.",
    lone="raw",
)
def reinforce_plus_plus_baseline(
    *,
    reward: Reward,
    group: Group,
    length: Length,
    valid: Valid | None = None,
    eps: VarianceEps = 1e-8,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> Credit:
    """How much better a reward is than its group's mean, whitened over the tokens of the batch.

        c[i] = reward[i] − mean over group(i);  A[i] = (c[i] − mean) · (variance + eps)^(−1/2)

    mean and variance count row i `length[i]` times: the moments over tokens, from the counts alone.

    Degenerate cases: a batch of constant groups gives exactly 0; a row without tokens gets 0; a
    group of one has c = 0 (lone="raw": its reward).

    Source: Hu et al. 2025, arXiv:2501.03262 (baseline form).
    Differs from verl: a group of one gets 0 (`presets.VERL_REINFORCE_PLUS_PLUS_BASELINE` restores
    the raw reward). Differs from OpenRLHF: the variance is unbiased, and padding stays 0.

    >>> import torch
    >>> reward, length = torch.tensor([1.0, 0.0]), torch.tensor([2, 2])
    >>> reinforce_plus_plus_baseline(reward=reward, group=torch.tensor([7, 7]), length=length)
    tensor([ 0.8660, -0.8660])
    """
    where = valid_rows(valid, reward)
    centered = relative(wide(reward), group, where=where, lone=lone, backend=backend)
    weight = torch.where(where, wide(length), torch.zeros_like(centered))
    return standardize(centered, weight, eps)
