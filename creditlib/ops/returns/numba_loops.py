"""Returns over tokens as compiled loops: what each call makes of its tensors; see numba_rows.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.backend.numba_arrays import array, bounds, target
from creditlib.ops.backend.openmp import parallel_rows
from creditlib.ops.precision import as_float, copy_to_out
from creditlib.ops.returns.numba_rows import (
    ALL,
    BETWEEN,
    PRESENT,
    gae_and_edges,
    gae_rows,
    return_rows,
    returns_and_edges,
    turn_rows,
)
from creditlib.ops.whiten.numba_loops import keys, moments_of, whiten_rows
from creditlib.ops.whiten.reference import refuse_not_finite

__all__ = [
    "counting",
    "gae",
    "token_returns",
    "turn_returns",
    "whitened_gae",
    "whitened_returns",
]


def counting(present: Tensor | None, offsets: Tensor | None) -> tuple[np.ndarray[Any, Any], int]:
    """`present` as the loops take it, and which rewards of unwritten tokens count."""
    if present is not None:
        return array(present), PRESENT
    return np.zeros(0, dtype=np.uint8), BETWEEN if offsets is None else ALL


def token_returns(
    reward: Tensor,
    turn: Tensor,
    *,
    gamma: float,
    present: Tensor | None = None,
    offsets: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """The discounted return of each written token, as compiled loops."""
    result = target(turn, as_float(reward[:0]).dtype, out)
    rows, arguments = _walk(reward, turn, present, offsets, gamma, result)
    if any(parallel_rows(return_rows, rows, turn.numel(), *arguments)):
        refuse_unordered_turns("discounted_return", turn, offsets)
    return copy_to_out(result, out)


def _walk(
    reward: Tensor,
    turn: Tensor,
    present: Tensor | None,
    offsets: Tensor | None,
    gamma: float,
    result: Tensor,
) -> tuple[int, tuple[Any, ...]]:
    """How many rows, and what `return_rows` takes."""
    bound = bounds(turn, offsets)
    seen, mode = counting(present, offsets)
    arrays = array(reward), array(turn), seen, mode, bound, float(gamma), array(result)
    return len(bound) - 1, arrays


def whitened_returns(
    reward: Tensor,
    turn: Tensor,
    *,
    gamma: float,
    eps: float,
    present: Tensor | None = None,
    offsets: Tensor | None = None,
    out: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Returns and whitened returns of written tokens, as compiled loops."""
    first, second = (None, None) if out is None else out
    dtype, tokens = as_float(reward[:0]).dtype, turn.numel()
    plain, result = target(turn, dtype, second), target(turn, dtype, first)
    rows, arguments = _walk(reward, turn, present, offsets, gamma, plain)
    values, who, bound = array(plain), array(turn), arguments[4]
    parts = parallel_rows(returns_and_edges, rows, tokens, *arguments, *keys(values))
    if any(part[3] for part in parts):
        refuse_unordered_turns("reinforce_plus_plus", turn, offsets)
    mean, rstd = moments_of(values, who, -1, bound, eps, mask=True, parts=parts)
    if not math.isfinite(mean):
        refuse_not_finite(plain, turn >= 0)
    parallel_rows(whiten_rows, rows, tokens, values, who, -1, bound, mean, rstd, array(result))
    return copy_to_out(result, first), copy_to_out(plain, second)


def gae(
    reward: Tensor,
    value: Tensor,
    turn: Tensor,
    *,
    gamma: float,
    lam: float,
    bootstrap: Tensor | None = None,
    present: Tensor | None = None,
    offsets: Tensor | None = None,
    out: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Advantages and returns of GAE, as compiled loops."""
    first, second = (None, None) if out is None else out
    dtype = _dtype_of(reward, value)
    advantage, returns = target(turn, dtype, first), target(turn, dtype, second)
    arguments = _gae_arguments(reward, value, turn, bootstrap, present, offsets)
    rates, results = (float(gamma), float(gamma) * float(lam)), (array(advantage), array(returns))
    rows = len(arguments[6]) - 1
    if any(parallel_rows(gae_rows, rows, turn.numel(), *arguments, *rates, *results)):
        refuse_unordered_turns("gae", turn, offsets)
    return copy_to_out(advantage, first), copy_to_out(returns, second)


def whitened_gae(
    reward: Tensor,
    value: Tensor,
    turn: Tensor,
    *,
    gamma: float,
    lam: float,
    eps: float,
    bootstrap: Tensor | None = None,
    present: Tensor | None = None,
    offsets: Tensor | None = None,
    out: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Advantages of GAE, whitened in place, and returns, as compiled loops."""
    first, second = (None, None) if out is None else out
    dtype, tokens = _dtype_of(reward, value), turn.numel()
    advantage, returns = target(turn, dtype, first), target(turn, dtype, second)
    arguments = _gae_arguments(reward, value, turn, bootstrap, present, offsets)
    values, who, bound = array(advantage), arguments[2], arguments[6]
    rates, rows = (float(gamma), float(gamma) * float(lam)), len(bound) - 1
    walk = *arguments, *rates, values, array(returns), *keys(values)
    parts = parallel_rows(gae_and_edges, rows, tokens, *walk)
    if any(part[3] for part in parts):
        refuse_unordered_turns("gae", turn, offsets)
    mean, rstd = moments_of(values, who, -1, bound, eps, mask=True, parts=parts)
    if not math.isfinite(mean):
        refuse_not_finite(advantage, turn >= 0)
    parallel_rows(whiten_rows, rows, tokens, values, who, -1, bound, mean, rstd, values)
    return copy_to_out(advantage, first), copy_to_out(returns, second)


def _dtype_of(reward: Tensor, value: Tensor) -> torch.dtype:
    return torch.promote_types(as_float(reward[:0]).dtype, as_float(value[:0]).dtype)


def _gae_arguments(
    reward: Tensor,
    value: Tensor,
    turn: Tensor,
    bootstrap: Tensor | None,
    present: Tensor | None,
    offsets: Tensor | None,
) -> tuple[Any, ...]:
    """What `gae_rows` takes of the tensors; it converts each number as it reads it."""
    bound = bounds(turn, offsets)
    last = np.zeros(len(bound) - 1) if bootstrap is None else array(bootstrap.to(torch.float64))
    seen, mode = counting(present, offsets)
    return array(reward), array(value), array(turn), seen, mode, last, bound


def turn_returns(x: Tensor, where: Tensor, gamma: float) -> Tensor:
    """The discounted return of each selected turn, as a compiled loop."""
    result = torch.empty_like(x, memory_format=torch.contiguous_format)
    value = x.detach().resolve_neg().contiguous().numpy()
    turn_rows(value, where.detach().contiguous().numpy(), float(gamma), result.numpy())
    return result
