"""Between levels as compiled loops over rows: one look at the turn map, one write of the result."""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.backend.numba_arrays import array, bounds, target
from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.backend.openmp import parallel_rows
from creditlib.ops.precision import as_float, copy_to_out, narrow
from creditlib.ops.tokens.reference import no_such_turn

__all__ = ["sum_turns", "to_tokens"]

_BLOCK, _ONE = np.uintp(32), np.uintp(1)


@compiled
def _row_tokens(first: Any, last: Any, credit: Any, turn: Any, bound: Any, result: Any) -> Any:
    """Returns whether an id is below that of the token before it."""
    back = np.uint8(0)
    for i in range(first, last):
        own, zero = credit[i], credit.dtype.type(0)
        start, stop = np.uintp(bound[i]), np.uintp(bound[i + 1])
        if start < stop:
            result[start] = own if turn[start] >= 0 else zero
        for u in range(start + _ONE, stop):
            who = turn[u]
            result[u] = own if who >= 0 else zero
            back |= np.uint8((who >= 0) & (who < turn[u - _ONE]))
    return back > 0


@compiled
def _turn_tokens(
    first: Any, last: Any, credit: Any, turns: Any, turn: Any, bound: Any, result: Any
) -> Any:
    """Returns the largest turn id met, and whether an id went back along its row.

    An id without a column is written as 0. Tokens of a turn mostly lie together: a block of one
    turn is filled at once.
    """
    largest, back = -1, False
    for i in range(first, last):
        begin, u, stop = i * turns, np.uintp(bound[i]), np.uintp(bound[i + 1])
        highest = -1
        while u < stop:
            who = np.int64(turn[u])
            own = credit[np.uintp(begin + who)] if 0 <= who < turns else credit.dtype.type(0)
            back |= 0 <= who < highest
            highest = max(highest, who)
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
        largest = max(largest, highest)
    return largest, back


@compiled
def _scale_tokens(first: Any, last: Any, weight: Any, turn: Any, bound: Any, result: Any) -> None:
    for u in range(np.uintp(bound[first]), np.uintp(bound[last])):
        if turn[u] >= 0:
            result[u] *= weight[u]


@compiled
def _sum_rows(first: Any, last: Any, x: Any, turn: Any, turns: Any, bound: Any, result: Any) -> Any:
    """Returns the largest turn id met, and whether an id went back along its row.

    Tokens of one turn in a row are added up in a register.
    """
    largest, back = -1, False
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
                back |= k < own
                if 0 <= own < turns:
                    result[i, own] = total
                largest = max(largest, k)
                own, total = k, result[i, k] if k < turns else 0.0
            total += np.float64(x[u])
        if 0 <= own < turns:
            result[i, own] = total
    return largest, back


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
        if any(parallel_rows(_row_tokens, rows, tokens, table, flat, bound, values)):
            refuse_unordered_turns("to_tokens", turn, offsets)
    else:
        turns = credit.shape[1]
        met = parallel_rows(_turn_tokens, rows, tokens, table, turns, flat, bound, values)
        _refuse_wrong_turns("to_tokens", met, turn, turns, offsets)
    if weight is not None:
        factor = array(weight.to(credit.dtype))
        parallel_rows(_scale_tokens, rows, tokens, factor, flat, bound, values)
    return copy_to_out(result, out)


def sum_turns(x: Tensor, turn: Tensor, turns: int, *, offsets: Tensor | None = None) -> Tensor:
    """The sum over the tokens of each turn, as a compiled loop."""
    bound = bounds(turn, offsets)
    total = torch.empty(len(bound) - 1, turns, dtype=torch.float64, device="cpu")
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
    _refuse_wrong_turns("turn_sum", met, turn, turns, offsets)
    return narrow(total, x)


def _refuse_wrong_turns(
    function: str, met: list[Any], turn: Tensor, turns: int, offsets: Tensor | None
) -> None:
    """Refuse what the loops met: an id that went back along its row, or one without a column."""
    if any(back for _, back in met):
        refuse_unordered_turns(function, turn, offsets)
    largest = max(largest for largest, _ in met)
    if largest >= turns:
        raise no_such_turn(function, largest, turns)
