"""A soft fence before the length limit."""

from __future__ import annotations

from creditlib.contract import checked
from creditlib.ops.precision import narrow, wide
from creditlib.vocabulary import Length, Positive, Reward

__all__ = ["overlong_penalty"]


@checked
def overlong_penalty(
    *, length: Length, limit: Positive, buffer: Positive, penalty: Positive = 1.0
) -> Reward:
    """A penalty that grows linearly over the last `buffer` tokens before `limit`; add it to reward.

        result[i] = −penalty · clamp((length[i] − (limit − buffer)) / buffer, 0, 1)

    Degenerate cases: 0 up to limit − buffer tokens, −penalty from `limit` on.

    Source: Yu et al. 2025, DAPO, arXiv:2503.14476 (soft overlong punishment).

    >>> import torch
    >>> overlong_penalty(length=torch.tensor([50, 90, 200]), limit=100, buffer=20)
    tensor([ 0.0000, -0.5000, -1.0000])
    """
    over = (wide(length) - (limit - buffer)) / buffer
    return narrow(0 - penalty * over.clamp(0, 1), length)
