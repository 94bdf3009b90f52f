"""Where statistics are computed, and in which dtype results leave."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["as_float", "narrow", "wide"]


def wide(x: Tensor) -> Tensor:
    """The tensor in the dtype statistics are computed in: float64 wherever the device has it.

    >>> wide(torch.zeros(2, dtype=torch.bfloat16)).dtype
    torch.float64
    """
    return x.to(torch.float32 if x.device.type == "mps" else torch.float64)


def narrow(result: Tensor, *inputs: Tensor | None) -> Tensor:
    """The result in float64 if an input was float64, else in float32.

    >>> narrow(torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=torch.bfloat16)).dtype
    torch.float32
    """
    double = any(x is not None and x.dtype == torch.float64 for x in inputs)
    return result.to(torch.float64 if double else torch.float32)


def as_float(x: Tensor) -> Tensor:
    """Token tensors are many: half precision goes to float32, float32 and float64 stay.

    >>> as_float(torch.zeros(2, dtype=torch.float16)).dtype
    torch.float32
    """
    return x if x.dtype == torch.float64 else x.to(torch.float32)
