"""Credit against the length-weighted mean."""

from __future__ import annotations

from creditlib.contract import checked
from creditlib.ops import groups
from creditlib.ops.dispatch import pick
from creditlib.ops.masks import taken
from creditlib.ops.precision import narrow
from creditlib.vocabulary import Backend, Credit, Group, Length, Lone, Reward, Valid

__all__ = ["opo"]


@checked
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

    The baseline of least variance if a token's gradient norm is the same everywhere.

    Special cases: equal lengths give Dr. GRPO.

    Degenerate cases: a constant group gives exactly 0; a group of one gives 0 (lone="raw": its
    reward); a group without a single token gives 0.

    Breaks by design:
        credit_sums_to_zero, long_trajectories_do_not_outvote_short_ones: a reward counts as
            often as its trajectory has tokens: the sum over tokens is 0.
        the_expected_gradient_is_the_true_one: a trajectory is part of its own baseline, and
            its length weighs it.
        lone_members_get_nothing (lone="raw"): a lone rollout gets its reward as it is.

    Source: Hao et al. 2025, arXiv:2505.23585 (optimal baseline, simplified by length).
    Differs from verl: lone rollouts (`presets.VERL_OPO` restores the raw reward).

    >>> import torch
    >>> reward, length = torch.tensor([1.0, 0.0]), torch.tensor([1, 3])
    >>> opo(reward=reward, group=torch.tensor([7, 7]), length=length)
    tensor([ 0.7500, -0.2500])
    """
    standing = pick("opo", backend, groups.standing, reward)
    credit = standing(reward, (group,), taken(valid, reward), weight=length, lone=lone)
    return narrow(credit, reward)
