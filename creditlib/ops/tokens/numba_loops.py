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

# Tokens that are looked at together. Tokens of a turn mostly lie together.
_BLOCK, _ONE = np.uintp(16), np.uintp(1)


@compiled
def _scale_row(start: Any, stop: Any, weight: Any, turn: Any, result: Any) -> None:
    """Weigh a row of the result while it is still at hand; without weights nothing is done."""
    if len(weight) > 0:
        for u in range(start, stop):
            if turn[u] >= 0:
                result[u] *= result.dtype.type(weight[u])


@compiled
def _row_tokens(
    first: Any, last: Any, credit: Any, turn: Any, weight: Any, bound: Any, result: Any
) -> Any:
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
        _scale_row(start, stop, weight, turn, result)
    return back > 0


@compiled
def _turn_tokens(
    first: Any,
    last: Any,
    credit: Any,
    turns: Any,
    turn: Any,
    weight: Any,
    bound: Any,
    result: Any,
) -> Any:
    """Returns the largest turn id met, and whether an id went back along its row.

    A block of one turn is filled at once. In any other the credit is looked up for each token,
    without a branch: where short turns end is not predictable. `turns` is at least 1; an id without
    a column gets the credit of the last one, and the call is refused.
    """
    largest, back, zero, most = -1, False, credit.dtype.type(0), turns - 1
    for i in range(first, last):
        begin, u, stop = i * turns, np.uintp(bound[i]), np.uintp(bound[i + 1])
        highest = -1
        while u < stop:
            count = min(_BLOCK, stop - u)
            if count == _BLOCK:
                others = turn.dtype.type(0)
                for j in range(_BLOCK):
                    others |= turn[u + j] ^ turn[u]
                if others == 0:
                    who = np.int64(turn[u])
                    own = credit[np.uintp(begin + min(max(who, 0), most))]
                    own = own if who >= 0 else zero
                    back |= 0 <= who < highest
                    highest = who if who >= 0 else highest
                    for j in range(_BLOCK):
                        result[u + j] = own
                    u += _BLOCK
                    continue
            for j in range(count):
                who = np.int64(turn[u + j])
                own = credit[np.uintp(begin + min(max(who, 0), most))]
                result[u + j] = own if who >= 0 else zero
                back |= (who >= 0) & (who < highest)
                highest = who if who >= 0 else highest
            u += count
        largest = max(largest, highest)
        _scale_row(np.uintp(bound[i]), stop, weight, turn, result)
    return largest, back


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
    factor = np.empty(0, dtype=np.float32) if weight is None else array(weight)
    table, arrays = array(credit), (array(turn), factor, bound, array(result))
    if credit.ndim == 1:
        if any(parallel_rows(_row_tokens, rows, tokens, table, *arrays)):
            refuse_unordered_turns("to_tokens", turn, offsets)
    else:
        turns = credit.shape[1]
        # Rows without a turn get a column, so that looking one up stays inside.
        table = table if turns else np.zeros(rows, dtype=table.dtype)
        met = parallel_rows(_turn_tokens, rows, tokens, table, max(turns, 1), *arrays)
        _refuse_wrong_turns("to_tokens", met, turn, turns, offsets)
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
