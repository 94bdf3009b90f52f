"""Mean and reciprocal deviation under weights, such as token counts."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["moments", "standardize"]


def moments(x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """(mean, rstd) of x where weight > 0: rstd = (Σ w (x − mean)² / (Σ w − 1) + eps)^(−1/2).

    Only float64 accumulates, so no token tensor is copied in full precision. A smallest value is
    subtracted first: equal values have exactly that mean.

    >>> [round(m.item(), 3) for m in moments(torch.tensor([1.0, 3.0]), torch.tensor([1, 1]), 0.0)]
    [2.0, 0.707]
    """
    take = weight > 0
    edge = x.new_full((1,), torch.inf)
    lowest = torch.where(take, x, edge).reshape(-1)
    pivot = torch.cat([lowest, edge]).amin()
    heft = weight.to(x.dtype)
    shifted = torch.where(take, x - pivot, torch.zeros_like(x))
    double = torch.float32 if x.device.type == "mps" else torch.float64
    mass = torch.where(take, heft, torch.zeros_like(heft)).sum(dtype=double)
    offset = (heft * shifted).sum(dtype=double) / mass.clamp(min=torch.finfo(double).tiny)
    gap = torch.where(take, shifted - offset.to(x.dtype), torch.zeros_like(x))
    square = (heft * gap * gap).sum(dtype=double)
    variance = torch.where(mass > 1, square / (mass - 1), torch.zeros_like(mass))
    mean = torch.where(mass > 0, pivot.to(double) + offset, torch.zeros_like(mass))
    square_root = (variance + eps).rsqrt()
    return mean, torch.where(variance + eps > 0, square_root, torch.zeros_like(variance))


def standardize(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """(x − mean) · rstd where weight > 0, exactly 0 elsewhere and for values that are all equal.

    >>> standardize(torch.tensor([1.0, 3.0, 9.0]), torch.tensor([1, 1, 0]), 0.0)
    tensor([-0.7071,  0.7071,  0.0000])
    """
    mean, rstd = moments(x, weight, eps)
    return torch.where(weight > 0, (x - mean.to(x.dtype)) * rstd.to(x.dtype), torch.zeros_like(x))
