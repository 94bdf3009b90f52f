"""Where statistics are computed, and in which dtype results leave."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["as_float", "copy_to_out", "float_dtype", "narrow", "reproducible_sum", "wide"]


def wide(x: Tensor) -> Tensor:
    """`x` in the dtype that statistics are computed in: float64 if the device has it.

    Args:
        x: […]; any tensor of numbers.

    >>> wide(torch.zeros(2, dtype=torch.bfloat16)).dtype
    torch.float64
    """
    return x.to(torch.float32 if x.is_mps else torch.float64)


def narrow(result: Tensor, *inputs: Tensor | None) -> Tensor:
    """The result in float64 if an input was float64, else in float32.

    >>> narrow(torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=torch.bfloat16)).dtype
    torch.float32
    """
    double = any(x is not None and x.dtype is torch.float64 for x in inputs)
    dtype = torch.float64 if double else torch.float32
    return result if result.dtype is dtype else result.to(dtype)


def float_dtype(x: Tensor) -> torch.dtype:
    """The dtype of a result over the tokens of `x`: float64 for float64, else float32.

    >>> float_dtype(torch.zeros(2, dtype=torch.float16))
    torch.float32
    """
    return torch.float64 if x.dtype is torch.float64 else torch.float32


def as_float(x: Tensor) -> Tensor:
    """Token tensors are many: half precision goes to float32, float32 and float64 stay.

    >>> as_float(torch.zeros(2, dtype=torch.float16)).dtype
    torch.float32
    """
    dtype = x.dtype
    return x if dtype is torch.float32 or dtype is torch.float64 else x.to(torch.float32)


def reproducible_sum(x: Tensor, count: Tensor) -> Tensor:
    """The sum of x in float64, the same bits in any order and layout and with any zeros added.

    `count` is an upper bound of the terms that are not 0. Adding a number above the sum and taking
    it away again rounds every term to a multiple of that number's last place; such multiples
    float64 adds without rounding. What rounding took is summed the same way: the result is good
    to the last digits. (A device without float64 adds as it does, in float32.)

    >>> reproducible_sum(torch.tensor([0.25, 0.5, 0.0]), torch.tensor(2))
    tensor(0.7500, dtype=torch.float64)
    """
    if x.device.type == "mps":
        return x.sum()
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    if not x.numel():
        return total
    # Of float32 terms 29 more binary digits fit into float64 than into float32.
    reach = 2.0 if x.dtype == torch.float64 else 2.0**-28
    for _ in range(2):
        above = (reach * count * x.abs().amax().to(torch.float64)).to(x.dtype)
        rounded = torch.where(x.abs() < above, (x + above) - above, x)
        total = total + rounded.sum(dtype=torch.float64)
        x = x - rounded
    return total


def copy_to_out(result: Tensor, out: Tensor | None) -> Tensor:
    """The result, in `out` if there is one.

    >>> copy_to_out(torch.ones(1), torch.zeros(1))
    tensor([1.])
    """
    return result if out is None or result is out else out.copy_(result)
