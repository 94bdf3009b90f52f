"""Returns over tokens as compiled loops, one walk over each row from its end.

Only written tokens enter the arithmetic, in float64 and in their order: neither padding nor its
side nor a gap changes a bit. Each row is a program of its own, so threads change none either.
"""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.backend.numba_arrays import array, bounds, target
from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.backend.openmp import parallel_rows
from creditlib.ops.precision import as_float, copy_to_out
from creditlib.ops.whiten.numba_loops import edges, keys, moments_of, whiten_rows
from creditlib.ops.whiten.reference import refuse_not_finite

__all__ = ["gae", "token_returns", "turn_returns", "whitened_returns"]

_compiled = functools.partial(compiled, fastmath={"contract"})

# Which rewards of unwritten tokens count: those between written tokens, all, or those present.
_BETWEEN, _ALL, _PRESENT = 0, 1, 2
# Above every turn id: a row is walked from its end.
_LAST_ID = np.iinfo(np.int64).max


@_compiled
def _gae_rows(
    first: Any,
    last: Any,
    reward: Any,
    value: Any,
    turn: Any,
    present: Any,
    mode: Any,
    bootstrap: Any,
    bound: Any,
    gamma: Any,
    decay: Any,
    advantage: Any,
    returns: Any,
) -> Any:
    """Returns whether an id went back along its row."""
    back = False
    for i in range(first, last):
        start, t = bound[i], bound[i + 1] - 1
        gap, ahead, carry, lowest = 0.0, bootstrap[i], 0.0, -1
        later = _LAST_ID
        while t >= start:
            # An unsigned index spares the check for indices that count from the end.
            while t >= start and turn[np.uintp(t)] < 0:
                u = np.uintp(t)
                advantage[u] = 0.0
                returns[u] = 0.0
                if (
                    mode == _ALL
                    or (mode == _BETWEEN and lowest >= 0)
                    or (mode == _PRESENT and present[u])
                ):
                    found = np.float64(reward[u])
                    if not np.isnan(found):
                        gap += found
                t -= 1
            while t >= start and turn[np.uintp(t)] >= 0:
                u = np.uintp(t)
                who = np.int64(turn[u])
                back |= who > later
                later = who
                here = np.float64(value[u])
                delta = (np.float64(reward[u]) + gap) + (gamma * ahead - here)
                carry = delta + decay * carry
                gap, ahead, lowest = 0.0, here, t
                advantage[u] = carry
                returns[u] = carry + here
                t -= 1
        # What lies before the first written token is earned by it.
        if mode != _BETWEEN and lowest >= 0:
            advantage[lowest] = carry + gap
            returns[lowest] = (carry + gap) + ahead
    return back


@_compiled
def _return_rows(
    first: Any,
    last: Any,
    reward: Any,
    turn: Any,
    present: Any,
    mode: Any,
    bound: Any,
    gamma: Any,
    returns: Any,
) -> Any:
    """Returns whether an id went back along its row."""
    back = False
    for i in range(first, last):
        start, t = bound[i], bound[i + 1] - 1
        gap, carry, lowest = 0.0, 0.0, -1
        later = _LAST_ID
        while t >= start:
            while t >= start and turn[np.uintp(t)] < 0:
                u = np.uintp(t)
                returns[u] = 0.0
                if (
                    mode == _ALL
                    or (mode == _BETWEEN and lowest >= 0)
                    or (mode == _PRESENT and present[u])
                ):
                    found = np.float64(reward[u])
                    if not np.isnan(found):
                        gap += found
                t -= 1
            while t >= start and turn[np.uintp(t)] >= 0:
                u = np.uintp(t)
                who = np.int64(turn[u])
                back |= who > later
                later = who
                carry = (np.float64(reward[u]) + gap) + gamma * carry
                gap, lowest = 0.0, t
                returns[u] = carry
                t -= 1
        if mode != _BETWEEN and lowest >= 0:
            returns[lowest] = carry + gap
    return back


@_compiled
def _returns_and_edges(
    first: Any,
    last: Any,
    reward: Any,
    turn: Any,
    present: Any,
    mode: Any,
    bound: Any,
    gamma: Any,
    returns: Any,
    bits: Any,
    top: Any,
    sign: Any,
) -> Any:
    """Returns, and the extremes that whitening asks for, found while a row is still at hand."""
    count, low, high, back = 0, top, ~top, False
    for i in range(first, last):
        back |= _return_rows(i, i + 1, reward, turn, present, mode, bound, gamma, returns)
        found, smaller, larger = edges(i, i + 1, bits, turn, -1, bound, top, sign)
        count += found
        low, high = min(low, smaller), max(high, larger)
    return count, low, high, back


@_compiled
def _turn_rows(x: Any, where: Any, gamma: Any, result: Any) -> None:
    for i in range(x.shape[0]):
        carry = 0.0
        for k in range(x.shape[1] - 1, -1, -1):
            if where[i, k]:
                carry = x[i, k] + gamma * carry
                result[i, k] = carry
            else:
                carry = 0.0
                result[i, k] = 0.0


def _counting(present: Tensor | None, offsets: Tensor | None) -> tuple[np.ndarray[Any, Any], int]:
    if present is not None:
        return array(present), _PRESENT
    return np.zeros(0, dtype=np.uint8), _BETWEEN if offsets is None else _ALL


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
    if any(parallel_rows(_return_rows, rows, turn.numel(), *arguments)):
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
    """How many rows, and what `_return_rows` takes."""
    bound = bounds(turn, offsets)
    seen, mode = _counting(present, offsets)
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
    parts = parallel_rows(_returns_and_edges, rows, tokens, *arguments, *keys(values))
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
    reward, value = as_float(reward), as_float(value)
    dtype = torch.promote_types(reward.dtype, value.dtype)
    first, second = (None, None) if out is None else out
    advantage, returns = target(turn, dtype, first), target(turn, dtype, second)
    bound = bounds(turn, offsets)
    rows = len(bound) - 1
    last = np.zeros(rows) if bootstrap is None else array(bootstrap.to(torch.float64))
    seen, mode = _counting(present, offsets)
    arrays = array(reward.to(dtype)), array(value.to(dtype)), array(turn), seen, mode, last, bound
    rates = float(gamma), float(gamma) * float(lam)
    results = array(advantage), array(returns)
    if any(parallel_rows(_gae_rows, rows, turn.numel(), *arrays, *rates, *results)):
        refuse_unordered_turns("gae", turn, offsets)
    return copy_to_out(advantage, first), copy_to_out(returns, second)


def turn_returns(x: Tensor, where: Tensor, gamma: float) -> Tensor:
    """The discounted return of each selected turn, as a compiled loop."""
    result = torch.empty_like(x, memory_format=torch.contiguous_format)
    value = x.detach().resolve_neg().contiguous().numpy()
    _turn_rows(value, where.detach().contiguous().numpy(), float(gamma), result.numpy())
    return result
