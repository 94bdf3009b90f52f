"""Between levels as compiled loops over rows: one look at the turn map, one write of the result."""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.ops.backend.numba_arrays import array, bounds, target
from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.backend.openmp import parallel_rows
from creditlib.ops.precision import as_float, copy_to_out, narrow
from creditlib.ops.tokens.reference import no_such_turn

__all__ = ["sum_turns", "to_tokens"]

_BLOCK, _ONE = np.uintp(32), np.uintp(1)


@compiled
def _row_tokens(first: Any, last: Any, credit: Any, turn: Any, bound: Any, result: Any) -> Any:
    for i in range(first, last):
        own, zero = credit[i], credit.dtype.type(0)
        for u in range(np.uintp(bound[i]), np.uintp(bound[i + 1])):
            result[u] = own if turn[u] >= 0 else zero
    return -1


@compiled
def _turn_tokens(
    first: Any, last: Any, credit: Any, turns: Any, turn: Any, bound: Any, result: Any
) -> Any:
    """Returns the largest turn id met; one without a column is written as 0.

    Tokens of a turn mostly lie together: a block of one turn is filled at once.
    """
    largest = -1
    for i in range(first, last):
        begin, u, stop = i * turns, np.uintp(bound[i]), np.uintp(bound[i + 1])
        while u < stop:
            who = np.int64(turn[u])
            own = credit[np.uintp(begin + who)] if 0 <= who < turns else credit.dtype.type(0)
            largest = max(largest, who)
            if u + _BLOCK <= stop:
                others = turn.dtype.type(0)
                for j in range(_BLOCK):
                    others |= turn[u + j] ^ turn[u]
                if others == 0:
                    for j in range(_BLOCK):
                        result[u + j] = own
                    u += _BLOCK
                    continue
            result[u] = own
            u += _ONE
    return largest


@compiled
def _scale_tokens(first: Any, last: Any, weight: Any, turn: Any, bound: Any, result: Any) -> None:
    for u in range(np.uintp(bound[first]), np.uintp(bound[last])):
        if turn[u] >= 0:
            result[u] *= weight[u]


@compiled
def _sum_rows(first: Any, last: Any, x: Any, turn: Any, turns: Any, bound: Any, result: Any) -> Any:
    """Tokens of one turn in a row are added up in a register."""
    largest = -1
    for i in range(first, last):
        for k in range(turns):
            result[i, k] = 0.0
        own, total = -1, 0.0
        for t in range(bound[i], bound[i + 1]):
            u = np.uintp(t)
            k = np.int64(turn[u])
            if k < 0:
                continue
            if k != own:
                if 0 <= own < turns:
                    result[i, own] = total
                largest = max(largest, k)
                own, total = k, result[i, k] if k < turns else 0.0
            total += np.float64(x[u])
        if 0 <= own < turns:
            result[i, own] = total
    return largest


def to_tokens(
    credit: Tensor,
    turn: Tensor,
    *,
    weight: Tensor | None = None,
    offsets: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """The credit of each token, as compiled loops."""
    credit, bound = as_float(credit), bounds(turn, offsets)
    result, rows, tokens = target(turn, credit.dtype, out), len(bound) - 1, turn.numel()
    flat, table, values = array(turn), array(credit), array(result)
    if credit.ndim == 1:
        parallel_rows(_row_tokens, rows, tokens, table, flat, bound, values)
    else:
        turns = credit.shape[1]
        largest = max(parallel_rows(_turn_tokens, rows, tokens, table, turns, flat, bound, values))
        if largest >= turns:
            raise no_such_turn("to_tokens", largest, turns)
    if weight is not None:
        factor = array(weight.to(credit.dtype))
        parallel_rows(_scale_tokens, rows, tokens, factor, flat, bound, values)
    return copy_to_out(result, out)


def sum_turns(x: Tensor, turn: Tensor, turns: int, *, offsets: Tensor | None = None) -> Tensor:
    """The sum over the tokens of each turn, as a compiled loop."""
    bound = bounds(turn, offsets)
    total = torch.empty(len(bound) - 1, turns, dtype=torch.float64)
    met = parallel_rows(
        _sum_rows,
        len(total),
        turn.numel(),
        array(x),
        array(turn),
        turns,
        bound,
        total.numpy(),
    )
    if max(met) >= turns:
        raise no_such_turn("turn_sum", max(met), turns)
    return narrow(total, x)
