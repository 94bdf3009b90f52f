"""Centred rewards, rescaled by the share of rows that earned anything."""

from __future__ import annotations

from creditlib.contract import checked
from creditlib.ops import groups
from creditlib.ops.dispatch import pick
from creditlib.ops.masks import taken
from creditlib.ops.precision import narrow
from creditlib.vocabulary import Backend, Credit, Group, Lone, Positive, Reward, Valid

__all__ = ["gpg"]


@checked
def gpg(
    *,
    reward: Reward,
    group: Group,
    valid: Valid | None = None,
    normalizer: Positive = 1.0,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> Credit:
    """How much better a reward is than its group's mean, scaled up when few rows earn anything.

        A[i] = alpha · (reward[i] − mean) / normalizer
        alpha = rows of the batch / rows of the batch whose reward is not exactly 0

    Degenerate cases: a constant group gives exactly 0, so does a batch without any reward; a
    group of one gives 0 (lone="raw": alpha times its reward). Counting exact zeros makes it
    change when a constant is added to all rewards.

    Breaks by design:
        groups_do_not_hear_each_other, a_new_group_changes_nothing,
            groups_may_be_computed_apart: the share of zeros is that of the batch.
        shifting_rewards_changes_nothing, no_credit_lies_beyond_the_spread,
            better_is_never_worse: a reward that is exactly 0 counts as none.
        lone_members_get_nothing (lone="raw"): a lone rollout gets its reward as it is.

    Source: Chu et al. 2025, arXiv:2504.02546, as in verl's `compute_gpg_outcome_advantage`.
    Differs from verl: lone rollouts (`presets.VERL_GPG` restores the raw reward).

    >>> import torch
    >>> gpg(reward=torch.tensor([0.0, 1.0]), group=torch.tensor([7, 7]))
    tensor([-1.,  1.])
    """
    take = taken(valid, reward)
    standing = pick("gpg", backend, groups.standing, reward)
    centered = standing(reward, (group,), take, lone=lone)
    earned = (take & (reward != 0)).sum().clamp(min=1)
    alpha = take.sum().to(centered.dtype) / earned
    return narrow(centered * alpha / normalizer, reward)
