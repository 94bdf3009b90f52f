"""The effective sample size of weights."""

from __future__ import annotations

import torch

from creditlib.ops.precision import reproducible_sum, wide
from creditlib.vocabulary import Statistic, Weight, breaks
from creditlib.vocabulary.contract import checked

__all__ = ["effective_sample_size"]


@checked
@breaks(
    "trajectories_may_be_computed_apart", because="the result is one number for the whole batch."
)
def effective_sample_size(weight: Weight) -> Statistic:
    """The number of equally weighted samples with the variance of these weights.

        (Σ w)² / Σ w²

    Degenerate cases: padding and excluded rows (weight 0) do not count. The result is 0
    if all weights are 0.

    Source: Kish 1965.

    >>> import torch
    >>> effective_sample_size(torch.tensor([0.4, 2.0, 0.2, 1.4]))
    tensor(2.5974)
    """
    x = wide(weight)
    count = (x != 0).sum()
    square = reproducible_sum(x.square(), count)
    return reproducible_sum(x, count).square() / torch.where(
        square > 0, square, torch.ones_like(square)
    )
