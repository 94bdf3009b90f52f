"""Between levels as compiled loops over rows: one look at the turn map, one write of the result."""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.ops._compiled_numba import compiled
from creditlib.ops.arrays import array, bounds, target
from creditlib.ops.precision import as_float, narrow, written
from creditlib.ops.spread import no_such_turn
from creditlib.ops.workers import share

__all__ = ["sum_turns", "to_tokens"]

_BLOCK, _ONE = np.uintp(32), np.uintp(1)


@compiled
def _row_tokens(first: Any, last: Any, credit: Any, turn: Any, bound: Any, result: Any) -> Any:
    for i in range(first, last):
        mine, nobody = credit[i], credit.dtype.type(0)
        for u in range(np.uintp(bound[i]), np.uintp(bound[i + 1])):
            result[u] = mine if turn[u] >= 0 else nobody
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
            mine = credit[np.uintp(begin + who)] if 0 <= who < turns else credit.dtype.type(0)
            largest = max(largest, who)
            if u + _BLOCK <= stop:
                others = turn.dtype.type(0)
                for j in range(_BLOCK):
                    others |= turn[u + j] ^ turn[u]
                if others == 0:
                    for j in range(_BLOCK):
                        result[u + j] = mine
                    u += _BLOCK
                    continue
            result[u] = mine
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
        mine, total = -1, 0.0
        for t in range(bound[i], bound[i + 1]):
            u = np.uintp(t)
            k = np.int64(turn[u])
            if k < 0:
                continue
            if k != mine:
                if 0 <= mine < turns:
                    result[i, mine] = total
                largest = max(largest, k)
                mine, total = k, result[i, k] if k < turns else 0.0
            total += np.float64(x[u])
        if 0 <= mine < turns:
            result[i, mine] = total
    return largest


def to_tokens(
    credit: Tensor,
    turn: Tensor,
    *,
    weight: Tensor | None = None,
    offsets: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Twin of `spread.to_tokens`."""
    credit, bound = as_float(credit), bounds(turn, offsets)
    result, rows, tokens = target(turn, credit.dtype, out), len(bound) - 1, turn.numel()
    flat, table, values = array(turn), array(credit), array(result)
    if credit.ndim == 1:
        share(_row_tokens, rows, tokens, table, flat, bound, values)
    else:
        turns = credit.shape[1]
        largest = max(share(_turn_tokens, rows, tokens, table, turns, flat, bound, values))
        if largest >= turns:
            raise no_such_turn("to_tokens", largest, turns)
    if weight is not None:
        factor = array(weight.to(credit.dtype))
        share(_scale_tokens, rows, tokens, factor, flat, bound, values)
    return written(result, out)


def sum_turns(x: Tensor, turn: Tensor, turns: int, *, offsets: Tensor | None = None) -> Tensor:
    """Twin of `spread.sum_turns`."""
    bound = bounds(turn, offsets)
    total = torch.empty(len(bound) - 1, turns, dtype=torch.float64)
    met = share(
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
