"""Credit against the mean of the other members of the group."""

from __future__ import annotations

from creditlib.algebra import relative
from creditlib.vocabulary import Backend, Credit, Group, Lone, Reward, Valid, breaks
from creditlib.vocabulary.contract import checked

__all__ = ["rloo"]


@checked
@breaks("lone_members_get_nothing", because="a group of one gets its reward as it is.", lone="raw")
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

    Source: Ahmadian et al. 2024, arXiv:2402.14740 (the RLOO estimator).
    Differs from verl: its loop gives a group of one the raw reward, its vectorized form 0;
    `presets.VERL_RLOO` is the loop.

    >>> import torch
    >>> rloo(reward=torch.tensor([0.0, 0.0, 1.0]), group=torch.tensor([7, 7, 7]))
    tensor([-0.5000, -0.5000,  1.0000])
    """
    return relative(reward, group, valid=valid, center="leave_one_out", lone=lone, backend=backend)
