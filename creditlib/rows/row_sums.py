"""Sums along the tokens of each row.

torch's own sum takes 20 times as long for flags and for float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.ops.precision import as_float, wide

__all__ = ["row_any", "row_count", "row_sum"]


def row_any(flags: Tensor) -> Tensor:
    """bool[row]: whether the flag of any token is set.

    >>> row_any(torch.tensor([[True, False], [False, False]]))
    tensor([ True, False])
    """
    if not flags.shape[1]:
        return flags.new_zeros(len(flags))
    return flags.view(torch.int8).amax(1) > 0


def row_count(flags: Tensor) -> Tensor:
    """int64[row]: the number of tokens whose flag is set.

    >>> row_count(torch.tensor([[True, True], [False, False]]))
    tensor([2, 0])
    """
    return flags.view(torch.int8).sum(1, dtype=torch.int32).to(torch.int64)


def row_sum(x: Tensor) -> Tensor:
    """float64[row]: the sum over tokens, in float64 if the device has it.

    >>> row_sum(torch.tensor([[0.5, 0.25]], dtype=torch.bfloat16))
    tensor([0.7500], dtype=torch.float64)
    """
    if x.device.type == "cpu":
        return torch.from_numpy(as_float(x.detach()).numpy().sum(1, dtype="float64"))
    return x.detach().sum(1, dtype=wide(x[:0]).dtype)
