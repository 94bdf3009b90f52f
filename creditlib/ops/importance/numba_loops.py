"""Ratios of probabilities as compiled loops over rows, with an exponential that is vectorized."""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.backend.numba_arrays import array, bounds
from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.backend.openmp import parallel_rows
from creditlib.ops.importance.reference import LARGEST_LOG
from creditlib.ops.precision import as_float
from creditlib.ops.tokens.reference import no_such_turn

__all__ = ["log_ratio_sums", "token_ratios"]

_ONE = np.uintp(1)
_MOST = LARGEST_LOG


# A multiplication and an addition may round once: a digit more, at half the cost.
@functools.partial(compiled, fastmath={"contract"})
def _power(x: Any) -> Any:
    """exp(x) of |x| at most 20, to 13 digits: a polynomial of x / 64, squared 6 times; exp(0) = 1.

    It has no branch and calls no function, so that several are computed at once.
    """
    y = x * 0.015625
    p = y * (1.0 / 39916800.0) + 1.0 / 3628800.0
    p = p * y + 1.0 / 362880.0
    p = p * y + 1.0 / 40320.0
    p = p * y + 1.0 / 5040.0
    p = p * y + 1.0 / 720.0
    p = p * y + 1.0 / 120.0
    p = p * y + 1.0 / 24.0
    p = p * y + 1.0 / 6.0
    p = p * y + 0.5
    p = p * y + 1.0
    p = p * y + 1.0
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    return p * p


@compiled
def _bounded(new: Any, old: Any, low: Any, high: Any, below: Any, above: Any) -> Any:
    """A ratio; `below` under `low` and `above` over `high`. A NaN stays NaN."""
    most = _MOST
    x = np.float64(new) - np.float64(old)
    x = most if x > most else x
    x = -most if x < -most else x
    ratio = _power(x)
    return above if ratio > high else (below if ratio < low else ratio)


@compiled
def _ratio_rows(
    first: Any,
    last: Any,
    new: Any,
    old: Any,
    turn: Any,
    bound: Any,
    low: Any,
    high: Any,
    below: Any,
    above: Any,
    result: Any,
) -> Any:
    """Returns whether an id is below that of the token before it."""
    kind = turn.dtype.type
    back = kind(0)
    for i in range(first, last):
        start, stop = np.uintp(bound[i]), np.uintp(bound[i + 1])
        if start < stop:
            ratio = _bounded(new[start], old[start], low, high, below, above)
            result[start] = ratio if turn[start] >= 0 else 0.0
        for u in range(start + _ONE, stop):
            who = turn[u]
            ratio = _bounded(new[u], old[u], low, high, below, above)
            result[u] = ratio if who >= 0 else 0.0
            back = kind(back | kind((who >= 0) & (who < turn[u - _ONE])))
    return back > 0


@compiled
def _sum_rows(
    first: Any,
    last: Any,
    new: Any,
    old: Any,
    turn: Any,
    turns: Any,
    whole: Any,
    bound: Any,
    total: Any,
    count: Any,
) -> Any:
    """Returns the largest turn id met, and whether an id went back along its row.

    `whole`: all tokens add to turn 0.
    """
    largest, back = -1, False
    for i in range(first, last):
        for k in range(turns):
            total[i, k] = 0.0
            count[i, k] = 0.0
        highest = -1
        for t in range(bound[i], bound[i + 1]):
            u = np.uintp(t)
            k = np.int64(turn[u])
            if k < 0:
                continue
            back |= k < highest
            highest = k
            k = 0 if whole else k
            if k < turns:
                total[i, k] += np.float64(new[u]) - np.float64(old[u])
                count[i, k] += 1.0
        largest = max(largest, highest)
    return largest, back


def token_ratios(
    log_prob: Tensor,
    old_log_prob: Tensor,
    turn: Tensor,
    low: float,
    high: float,
    zero: bool,
    offsets: Tensor | None = None,
) -> Tensor:
    """The bounded ratio of each token, as a compiled loop."""
    new, old, bound = as_float(log_prob), as_float(old_log_prob), bounds(turn, offsets)
    dtype = torch.promote_types(new.dtype, old.dtype)
    result = torch.empty(turn.shape, dtype=dtype, device="cpu")
    ends = (0.0, 0.0) if zero else (low, high)
    given = (array(new), array(old), array(turn), bound, low, high, *ends, array(result))
    if any(parallel_rows(_ratio_rows, len(bound) - 1, turn.numel(), *given)):
        refuse_unordered_turns("importance_weight", turn, offsets)
    return result


def log_ratio_sums(
    log_prob: Tensor,
    old_log_prob: Tensor,
    turn: Tensor,
    turns: int,
    whole: bool,
    offsets: Tensor | None = None,
) -> Tensor:
    """The sum of the logarithms of each turn and its tokens, as a compiled loop."""
    bound = bounds(turn, offsets)
    both = torch.empty(2, len(bound) - 1, turns, dtype=torch.float64, device="cpu")
    given = (array(log_prob), array(old_log_prob), array(turn), turns, whole, bound)
    met = parallel_rows(_sum_rows, len(bound) - 1, turn.numel(), *given, *both.numpy())
    if any(back for _, back in met):
        refuse_unordered_turns("importance_weight", turn, offsets)
    largest = max(largest for largest, _ in met)
    if largest >= turns and not whole:
        raise no_such_turn("importance_weight", largest, turns)
    return both
