"""Credit against the length-weighted mean."""

from __future__ import annotations

from creditlib.algebra import relative
from creditlib.vocabulary import Backend, Credit, Group, Length, Lone, Reward, Valid, breaks
from creditlib.vocabulary.contract import checked

__all__ = ["opo"]


@checked
@breaks(
    "credit_sums_to_zero",
    "long_trajectories_do_not_outvote_short_ones",
    because="a reward is weighted by the tokens of its trajectory, so the sum over tokens is 0.",
)
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="a trajectory is part of its own baseline, weighted by its length.",
)
@breaks("lone_members_get_nothing", because="a group of one gets its reward as it is.", lone="raw")
def opo(
    *,
    reward: Reward,
    group: Group,
    length: Length,
    valid: Valid | None = None,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> Credit:
    """How much better a trajectory's reward is than the length-weighted mean of its group.

        A[i] = reward[i] − Σ_k length[k] · reward[k] / Σ_k length[k]

    This baseline has the least variance if all tokens have the same gradient norm.

    Special cases: equal lengths give Dr. GRPO.

    Degenerate cases: a constant group gives exactly 0; a group of one gives 0 (lone="raw": its
    reward); a group without a single token gives 0.

    Source: Hao et al. 2025, arXiv:2505.23585 (optimal baseline, simplified by length).
    Differs from verl: a group of one gets 0 (`presets.VERL_OPO` restores the raw reward).

    >>> import torch
    >>> reward, length = torch.tensor([1.0, 0.0]), torch.tensor([1, 3])
    >>> opo(reward=reward, group=torch.tensor([7, 7]), length=length)
    tensor([ 0.7500, -0.2500])
    """
    return relative(reward, group, valid=valid, weight=length, lone=lone, backend=backend)
