"""Where the minimum of a row lies: softly, sharply, or from each position on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from creditlib.ops.returns import turn_returns
from creditlib.ops.scan import reverse_minimum

__all__ = ["hard_min_weights", "softmin_weights", "suffix_min"]


def softmin_weights(
    x: Tensor,
    real: Tensor,
    temperature: float,
    sums: Callable[[Tensor, Tensor, float], Tensor] = turn_returns,
) -> Tensor:
    """w[k] = exp(−x[k]/T) / Σ exp(−x[j]/T) over real positions, 0 elsewhere.

    `sums` adds along a row from its end on, so that padding changes no bit.

    >>> softmin_weights(torch.tensor([[0.0, 0.0, 5.0]]), torch.tensor([[True, True, False]]), 1.0)
    tensor([[0.5000, 0.5000, 0.0000]])
    """
    lowest = _lowest(x, real)
    power = torch.where(real, torch.exp((lowest - x) / temperature), torch.zeros_like(x))
    total = sums(power, real, 1.0)[..., :1]
    return power / total.clamp(min=torch.finfo(x.dtype).tiny)


def hard_min_weights(x: Tensor, real: Tensor) -> Tensor:
    """The limit T → 0: all weight on the minimum, shared equally between ties.

    >>> hard_min_weights(torch.tensor([[2.0, 1.0, 1.0]]), torch.tensor([[True, True, True]]))
    tensor([[0.0000, 0.5000, 0.5000]])
    """
    at = (real & (x == _lowest(x, real))).to(x.dtype)
    return at / at.sum(-1, keepdim=True).clamp(min=1)


def _lowest(x: Tensor, real: Tensor) -> Tensor:
    masked = torch.where(real, x, torch.full_like(x, torch.inf))
    empty = masked.new_full((*x.shape[:-1], 1), torch.inf)
    return torch.cat([masked, empty], -1).amin(-1, keepdim=True)


def suffix_min(
    x: Tensor, real: Tensor, minimum: Callable[[Tensor], Tensor] = reverse_minimum
) -> Tensor:
    """min(x[k], x[k+1], …) over real positions, 0 elsewhere.

    >>> suffix_min(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([[True, True, True]]))
    tensor([[1., 1., 2.]])
    """
    lowest = minimum(torch.where(real, x, torch.full_like(x, torch.inf)))
    return torch.where(real, lowest, torch.zeros_like(lowest))
