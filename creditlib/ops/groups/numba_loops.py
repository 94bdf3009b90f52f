"""Statistics by group with compiled loops: tensors in, tensors out; `numba_rows` has the loops."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from creditlib.ops.backend.numba_arrays import Array, flat, planes, result_of
from creditlib.ops.groups import reference
from creditlib.ops.groups.numba_rows import (
    CENTERS,
    EPS_AT,
    LONE,
    SCALES,
    number_pairs,
    relative_rows,
    scale_rows,
)

__all__ = ["Options", "dense", "group_scale", "options_of", "relative"]

# (center, scale, ddof, eps, eps_at, variance_eps, lone) as numbers.
Options: TypeAlias = tuple[int, int, int, float, int, float, int]


def _pair(keys: Sequence[Tensor], shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The ids as pairs of integers: more than two are numbered first."""
    if len(keys) > 2:
        keys = keys[0].expand(shape), dense(*(key.expand(shape) for key in keys[1:]))
    first = planes(keys[0] if keys else None, np.int64, shape)
    return first, planes(keys[1] if len(keys) > 1 else None, np.int64, shape)


def dense(*keys: Tensor) -> Tensor:
    """The number of the id of each row; the ids are numbered in order of appearance."""
    shape = keys[0].shape
    result = np.empty(shape, dtype=np.int64)
    number_pairs(*_pair(keys, shape), flat(None, np.bool_), result.reshape(-1))
    return torch.from_numpy(result)


@functools.lru_cache(maxsize=256)
def options_of(
    center: str | None = "mean",
    scale: str | None = None,
    ddof: int = 1,
    eps: float = 0.0,
    eps_at: str = "std",
    variance_eps: float = 0.0,
    lone: str | None = None,
) -> Options:
    """The options of `relative` as the numbers that `relative_rows` compares."""
    return (
        CENTERS[center],
        SCALES[scale],
        int(ddof),
        eps,
        EPS_AT[eps_at],
        variance_eps,
        LONE[lone],
    )


def group_scale(
    x: Tensor, index: Tensor, where: Tensor, *, scale: str = "std", ddof: int = 1
) -> Tensor:
    """The scale of the group of each row; the reference computes those without medians."""
    if scale not in reference.ROBUST:
        return reference.group_scale(x, index, where, scale=scale, ddof=ddof)
    value, ids, taken = flat(x, np.float64), flat(index, np.int64), flat(where, np.bool_)
    result = np.empty(len(value))
    scale_rows(value, ids, taken, scale == "mad_low", result)
    return result_of(result, x.shape, x)


def relative(
    x: Tensor,
    keys: Sequence[Tensor],
    where: Tensor | None,
    *,
    center: str | None = "mean",
    weight: Tensor | None = None,
    leave_out: Tensor | None = None,
    scale: str | None = None,
    ddof: int = 1,
    eps: float = 0.0,
    eps_at: str = "std",
    variance_eps: float = 0.0,
    lone: str | None = None,
    otherwise: Tensor | None = None,
) -> Tensor:
    """Each value relative to its group."""
    shape, value = x.shape, flat(x, np.float64)
    result = np.empty(len(value))
    relative_rows(
        value,
        *_pair(keys, shape),
        planes(where, np.bool_, shape),
        planes(weight, np.float64, shape),
        planes(leave_out, np.int64, shape),
        planes(otherwise, np.float64, shape),
        options_of(center, scale, ddof, float(eps), eps_at, float(variance_eps), lone),
        result,
    )
    return result_of(result, shape, x)
