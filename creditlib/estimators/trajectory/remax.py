"""Credit against a greedy rollout."""

from __future__ import annotations

from creditlib.algebra import wide
from creditlib.vocabulary import Baseline, Credit, Reward
from creditlib.vocabulary.contract import checked

__all__ = ["remax"]


@checked
def remax(*, reward: Reward, baseline: Baseline) -> Credit:
    """How much better a sampled trajectory's reward is than that of the greedy one.

        A[i] = reward[i] − baseline[i]

    Degenerate cases: none; every row has its own baseline.

    Source: Li et al. 2023, arXiv:2310.10505.
    Differs from verl: not for outcome rewards.

    >>> import torch
    >>> remax(reward=torch.tensor([1.0]), baseline=torch.tensor([0.25]))
    tensor([0.7500])
    """
    return wide(reward) - wide(baseline)
