"""Reverse scans along the last axis: affine recursions and running minima.

Padded rows are walked column by column, the definition. Packed rows share one axis, so they are
combined in doubling steps that never cross a row's end.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["reverse_affine", "reverse_minimum", "shift_left"]


def reverse_affine(value: Tensor, decay: Tensor, row: Tensor | None = None) -> Tensor:
    """y[t] = value[t] + decay[t] · y[t+1], y = 0 after the end; `row` marks packed rows.

    >>> reverse_affine(torch.tensor([[1.0, 0.0, 4.0]]), torch.full((1, 3), 0.5))
    tensor([[2., 2., 4.]])
    """
    if row is not None:
        return _packed_affine(value, decay, row)
    if not value.shape[-1]:
        return value.clone()
    # Time first, so that a step reads and writes whole rows of memory; added up in place.
    result = value.movedim(-1, 0).clone(memory_format=torch.contiguous_format)
    steps, decays = result.unbind(0), decay.movedim(-1, 0).contiguous().unbind(0)
    for t in reversed(range(len(steps) - 1)):
        steps[t].addcmul_(decays[t], steps[t + 1])
    return result.movedim(0, -1).contiguous()


def _packed_affine(value: Tensor, decay: Tensor, row: Tensor) -> Tensor:
    same = shift_left(row, 1, -1) == row
    decay = torch.where(same, decay, torch.zeros_like(decay))
    reach = 1
    while reach < value.shape[0]:
        # Where nothing is carried nothing is read: another row may hold what is not finite.
        value = value + torch.where(decay != 0, decay * shift_left(value, reach, 0), 0)
        decay = decay * shift_left(decay, reach, 0)
        reach *= 2
    return value


def reverse_minimum(x: Tensor, row: Tensor | None = None) -> Tensor:
    """y[t] = min(x[t], y[t+1]), for carried gaps set x to inf there; `row` marks packed rows.

    >>> reverse_minimum(torch.tensor([[3.0, 1.0, 2.0]]))
    tensor([[1., 1., 2.]])
    """
    if row is None:
        return torch.cummin(x.flip(-1), -1).values.flip(-1) if x.shape[-1] else x.clone()
    reach = 1
    while reach < x.shape[0]:
        later = shift_left(x, reach, torch.inf)
        same = shift_left(row, reach, -1) == row
        x = torch.where(same, torch.minimum(x, later), x)
        reach *= 2
    return x


def shift_left(x: Tensor, by: int, fill: float) -> Tensor:
    """X moved `by` places to the left along the last axis, `fill` coming in from the right.

    >>> shift_left(torch.tensor([1, 2, 3]), 1, 0).tolist()
    [2, 3, 0]
    """
    return torch.nn.functional.pad(x[..., by:], (0, min(by, x.shape[-1])), value=fill)
