"""Tensors as the flat arrays that compiled loops over rows take, and results on their way back.

A call of few rows costs mostly what is done here: a tensor operation takes longer than its loop. So
nothing is converted, reshaped or detached that does not need it.
"""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from creditlib.ops.backend.numba_compile import compiled

__all__ = ["Array", "array", "bounds", "flat", "planes", "result_of", "target"]

Array: TypeAlias = np.ndarray[Any, Any]

# What stands for an absent argument: loops ask for its length.
_NONE = {kind: np.empty(0, dtype=kind) for kind in (np.float64, np.int64, np.bool_)}
_HALF = (torch.float16, torch.bfloat16)  # no number types of numpy's, or slow ones
_KEPT = 4096  # rows: the bounds of more are not kept


@compiled
def _copy(values: Any, result: Any) -> None:
    """Convert floats: numpy's own conversion warns of what is not finite."""
    for i in range(len(values)):
        result[i] = values[i]


def _values(x: Tensor) -> Array:
    """All values in a row, shared with the tensor where they can be."""
    if x.requires_grad or x.is_neg():
        x = x.detach().resolve_neg()
    return (x.to(torch.float32) if x.dtype in _HALF else x).numpy().ravel()


def array(x: Tensor) -> Array:
    """All values in a row, shared with the tensor where it is contiguous; booleans as 0 and 1.

    >>> array(torch.tensor([[1, 2], [3, 4]])).tolist()
    [1, 2, 3, 4]
    """
    values = _values(x)
    return values.view(np.uint8) if x.dtype is torch.bool else values


def flat(x: Tensor | None, dtype: Any) -> Array:
    """All values in a row, converted to `dtype` where they have another; empty for None.

    >>> flat(torch.tensor([[1.5], [2.0]]), np.float64).tolist(), len(flat(None, np.int64))
    ([1.5, 2.0], 0)
    """
    if x is None:
        return _NONE[dtype]
    values = _values(x)
    found = values.dtype
    if found == dtype:
        return values
    if found != np.float32:
        return values.astype(dtype)
    result = np.empty(len(values), dtype=dtype)
    _copy(values, result)
    return result


def planes(x: Tensor | None, dtype: Any, shape: tuple[int, ...]) -> Array:
    """As `flat`, but of a tensor repeated along its axes of size 1, up to a shape.

    >>> planes(torch.tensor([[1], [2]]), np.int64, (2, 2)).tolist()
    [1, 1, 2, 2]
    """
    if x is None:
        return _NONE[dtype]
    return flat(x if x.shape == shape else x.expand(shape), dtype)


def result_of(values: Array, shape: tuple[int, ...], *inputs: Tensor | None) -> Tensor:
    """Values in float64 as a tensor: in float64 if an input was float64, else in float32.

    >>> result_of(np.ones(2), (2, 1), torch.zeros(2))
    tensor([[1.],
            [1.]])
    """
    for x in inputs:
        if x is not None and x.dtype is torch.float64:
            break
    else:
        double, values = values, np.empty(len(values), dtype=np.float32)
        _copy(double, values)
    return torch.from_numpy(values if len(shape) == 1 else values.reshape(shape))


@functools.lru_cache(maxsize=64)
def _even_bounds(rows: int, width: int) -> Array:
    return np.arange(rows + 1, dtype=np.int64) * width


def bounds(turn: Tensor, offsets: Tensor | None) -> Array:
    """Where each row begins in the flat array, and the end of the last: int64[row+1].

    >>> bounds(torch.zeros(2, 3), None).tolist()
    [0, 3, 6]
    """
    if offsets is not None:
        return flat(offsets, np.int64)
    rows, width = turn.shape
    return _even_bounds(rows, width) if rows <= _KEPT else _even_bounds.__wrapped__(rows, width)


def target(like: Tensor, dtype: torch.dtype, out: Tensor | None) -> Tensor:
    """The tensor to write into: `out` if it is contiguous, else a new one.

    >>> target(torch.zeros(2, dtype=torch.int64), torch.float32, None).dtype
    torch.float32
    """
    if out is not None and out.is_contiguous() and not out.is_neg():
        return out
    return torch.empty_like(like, dtype=dtype, memory_format=torch.contiguous_format)
