"""Sotopia-RL: several dimensions as one outcome, cut into utterances by attribution."""

from __future__ import annotations

import torch

from creditlib.algebra import group_max, valid_rows, wide
from creditlib.shaping import redistribute
from creditlib.vocabulary import Rewards, Share, TurnCount, TurnRewards, Valid, breaks
from creditlib.vocabulary.contract import checked

__all__ = ["sotopia"]


@checked
@breaks(
    "trajectories_may_be_computed_apart",
    because="each dimension is scaled by its extremes in the batch.",
)
def sotopia(
    *, rewards: Rewards, share: Share, turn_count: TurnCount, valid: Valid | None = None
) -> TurnRewards:
    """The mean of the dimensions, each scaled to 0 to 1 over the batch, cut into turns by `share`.

        r[i,k] = R[i] · share[i,k] / Σ_k share[i,k]
        R[i] = mean over d of (rewards[i,d] − min) / (max − min), those of the batch

    A dimension without a score for a row (NaN) is left out of its mean.

    Degenerate cases: a dimension that is equal in all rows adds 0. Where all shares of a row are 0,
    its outcome is lost, as the authors have it; `redistribute` keeps it. Turns past `turn_count`
    get 0.

    Source: Sotopia-RL 2025, whose functions were run.
    Differs from it: without their factor of 10 on R.

    >>> import torch
    >>> sotopia(
    ...     rewards=torch.tensor([[1.0, 5.0], [3.0, 9.0]]),
    ...     share=torch.tensor([[1.0, 1.0], [3.0, 1.0]]),
    ...     turn_count=torch.tensor([2, 2]),
    ... )
    tensor([[0.0000, 0.0000],
            [0.7500, 0.2500]])
    """
    value = wide(rewards)
    scored = ~value.isnan() & valid_rows(valid, rewards)[:, None]
    total, count = value.new_zeros(len(value)), wide(scored).sum(1)
    for own, where in zip(value.unbind(1), scored.unbind(1), strict=True):
        low, high = -group_max(-own, where=where), group_max(own, where=where)
        width = torch.where(where & (high > low), high - low, torch.inf)
        total = total + torch.where(where, (own - low) / width, 0.0)
    mean = total / count.clamp(min=1)
    return redistribute(
        reward=mean, share=share, turn_count=turn_count, valid=valid, nothing="zero"
    )
