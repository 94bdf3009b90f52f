"""What weights cost."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.contract import checked
from creditlib.ops.precision import narrow, steady_sum, wide
from creditlib.vocabulary import Weight

__all__ = ["effective_sample_size"]


@checked
def effective_sample_size(weight: Weight) -> Tensor:
    """How many equally weighted samples have the variance of these weights.

        (Σ w)² / Σ w²

    Degenerate cases: padding and excluded rows (weight 0) count nowhere; no weight at all gives 0.

    Breaks by design:
        trajectories_may_be_computed_apart: it is a number of the whole batch.

    Source: Kish 1965.

    >>> import torch
    >>> effective_sample_size(torch.tensor([0.4, 2.0, 0.2, 1.4]))
    tensor(2.5974)
    """
    x = wide(weight)
    count = (x != 0).sum()
    square = steady_sum(x.square(), count)
    ratio = steady_sum(x, count).square() / torch.where(square > 0, square, torch.ones_like(square))
    return narrow(ratio, weight)
