"""Tensors as the flat arrays that compiled loops over rows take, and results on their way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.ops.precision import as_float

__all__ = ["array", "bounds", "target"]


def array(x: Tensor) -> np.ndarray[Any, Any]:
    """All values in a row, shared with the tensor where it is contiguous; booleans as 0 and 1.

    >>> array(torch.tensor([[1, 2], [3, 4]])).tolist()
    [1, 2, 3, 4]
    """
    flat = x.detach().resolve_neg().contiguous().view(-1)
    if flat.is_floating_point():
        return as_float(flat).numpy()  # half precision is no number type of numpy's
    return (flat.view(torch.uint8) if flat.dtype == torch.bool else flat).numpy()


def bounds(turn: Tensor, offsets: Tensor | None) -> np.ndarray[Any, Any]:
    """Where each row begins in the flat array, and the end of the last: int64[row+1].

    >>> bounds(torch.zeros(2, 3), None).tolist()
    [0, 3, 6]
    """
    if offsets is not None:
        return offsets.detach().to(torch.int64).contiguous().numpy()
    rows, width = turn.shape
    return np.arange(rows + 1, dtype=np.int64) * width


def target(like: Tensor, dtype: torch.dtype, out: Tensor | None) -> Tensor:
    """The tensor to write into: `out` if it is contiguous, else a new one.

    >>> target(torch.zeros(2, dtype=torch.int64), torch.float32, None).dtype
    torch.float32
    """
    if out is not None and out.is_contiguous():
        return out
    return torch.empty(like.shape, dtype=dtype, device=like.device)
