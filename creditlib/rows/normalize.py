"""Whitening and weighting of credit: the one place that says which comes first."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from creditlib.algebra import whiten
from creditlib.distributed import gathered

__all__ = ["whiten_then_weight"]


def whiten_then_weight(
    credit: Tensor,
    *,
    length: Tensor | None = None,
    weight: Tensor | None = None,
    gather: bool = False,
) -> Tensor:
    """Credit of trajectories or turns, whitened over tokens, then multiplied by a weight.

        whiten(credit, length) · weight;  either step is left out if its tensor is None

    The weight comes last. It corrects how often a turn was sampled, and a constant that whitening
    subtracts before it is a baseline: its gradient is 0 in expectation under the weights. A mean
    that is subtracted after the weight is not (decision 15).

    Args:
        credit: float[batch] or float[batch turn]; what is whitened.
        length: like credit: the trained tokens of each value, `length` or `turn_length`; None
            leaves whitening out.
        weight: float[batch turn]; such as `duration_weight`; credit of trajectories becomes credit
            of turns. None leaves the weight out.
        gather: True takes the moments over all ranks.

    Degenerate cases: equal credit is 0 after whitening, whatever the weight; without both tensors
    the credit is returned as it is.

    >>> import torch
    >>> credit, length = torch.tensor([1.0, 3.0]), torch.tensor([1, 1])
    >>> whiten_then_weight(credit, length=length, weight=torch.tensor([[0.5], [1.5]]))
    tensor([[-0.3536],
            [ 1.0607]])
    """
    if length is not None:
        step: Any = gathered(whiten) if gather else whiten
        credit = step(credit=credit, weight=length)
    if weight is not None:
        credit = weight * (credit[:, None] if credit.ndim == 1 else credit)
    return credit
