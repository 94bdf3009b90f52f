"""Credit against the mean of the others."""

from __future__ import annotations

from creditlib.contract import checked
from creditlib.ops import groups
from creditlib.ops.dispatch import pick
from creditlib.ops.masks import taken
from creditlib.ops.precision import narrow
from creditlib.vocabulary import Backend, Credit, Group, Lone, Reward, Valid

__all__ = ["rloo"]


@checked
def rloo(
    *,
    reward: Reward,
    group: Group,
    valid: Valid | None = None,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> Credit:
    """How much better a trajectory's reward is than the mean of the other members of its group.

        A[i] = reward[i] − Σ_{k ≠ i} reward[k] / (n − 1) = n/(n − 1) · (reward[i] − mean)

    The baseline does not depend on trajectory i, so the policy gradient is unbiased.

    Degenerate cases: a constant group gives exactly 0; a group of one gives 0 (lone="raw": its
    reward).

    Breaks by design:
        lone_members_get_nothing (lone="raw"): a lone rollout gets its reward as it is.

    Source: Ahmadian et al. 2024, arXiv:2402.14740 (the RLOO estimator).
    Differs from verl: its loop gives a lone rollout the raw reward, its vectorised twin 0;
    `presets.VERL_RLOO` is the loop.

    >>> import torch
    >>> rloo(reward=torch.tensor([0.0, 0.0, 1.0]), group=torch.tensor([7, 7, 7]))
    tensor([-0.5000, -0.5000,  1.0000])
    """
    standing = pick("rloo", backend, groups.standing, reward)
    credit = standing(reward, (group,), taken(valid, reward), by="leave_one_out", lone=lone)
    return narrow(credit, reward)
