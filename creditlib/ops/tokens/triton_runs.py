"""Sums of tokens by turn in one or two looks: a program takes a chunk and adds each of its turns.

Along a row ids never go back, so a chunk has few turns, and all chunks together look at each token
about as often as a chunk has turns. Sums of chunks meet in memory by atomic additions. Each term is
cut as in `triton_precision`, so additions round nothing and their order changes no bit.
"""

# pyright: basic

from __future__ import annotations

import triton
import triton.language as tl

from creditlib.ops.backend.triton_precision import cut, reach
from creditlib.ops.tokens.triton_kernel import row_of

__all__ = ["range_kernel", "runs_kernel"]


@triton.jit
def _chunk(offsets_ptr, rows, width, x_row, turn_row, CHUNK: tl.constexpr):
    """(row, first token, end of the chunk, where the row begins in x and in the turn map)."""
    if offsets_ptr is None:
        chunks = tl.cdiv(width, CHUNK)
        row = (tl.program_id(0) // chunks).to(tl.int64)
        start = (tl.program_id(0) % chunks) * CHUNK
        start = start.to(tl.int64)
    else:
        start = tl.program_id(0).to(tl.int64) * CHUNK
        row = row_of(offsets_ptr, start, rows)
    stop = tl.minimum(start + CHUNK, width)
    return row, start, stop, row * x_row, row * turn_row


@triton.jit
def _turns(turn_ptr, at, stop, turns):
    """The turn of each token, -1 for a token without one."""
    turn = tl.load(turn_ptr + at, mask=at < stop, other=-1)
    return tl.where(turn < turns, turn, -1).to(tl.int32)


@triton.jit
def _part(offsets_ptr, row, at, turn, start, stop, turns):
    """(end, which tokens are of this row, their smallest turn, their largest)."""
    end = stop
    if offsets_ptr is not None:
        end = tl.minimum(tl.load(offsets_ptr + row + 1).to(tl.int64), stop)
    mine = (at >= start) & (at < end) & (turn >= 0)
    low = tl.min(tl.where(mine, turn, turns), 0)
    return end, mine, low, tl.max(tl.where(mine, turn, -1), 0)


@triton.jit
def range_kernel(
    x_ptr, turn_ptr, offsets_ptr, found_ptr, rows, width, turns, x_row, turn_row,
    CHUNK: tl.constexpr,
):  # fmt: skip
    """found[0] and found[1]: the largest absolute value of each turn as bits, and its tokens."""
    row, start, stop, x_at, turn_at = _chunk(offsets_ptr, rows, width, x_row, turn_row, CHUNK)
    at = start + tl.arange(0, CHUNK)
    turn = _turns(turn_ptr + turn_at, at, stop, turns)
    x = tl.abs(tl.load(x_ptr + x_at + at, mask=at < stop, other=0).to(tl.float64))
    # Integers compare like the values whose bits they are; NaN is above all.
    size = x.to(tl.int64, bitcast=True)
    while start < stop:
        start, mine, turn_id, last = _part(offsets_ptr, row, at, turn, start, stop, turns)
        while turn_id <= last:
            hit = mine & (turn == turn_id)
            count = tl.sum(hit.to(tl.int32), 0)
            top = tl.max(tl.where(hit, size, 0), 0)
            slot = found_ptr + row * turns + turn_id
            tl.atomic_max(slot, top, mask=count > 0, sem="relaxed")
            slot += rows.to(tl.int64) * turns
            tl.atomic_add(slot, count.to(tl.int64), mask=count > 0, sem="relaxed")
            turn_id += 1
        row += 1


@triton.jit
def runs_kernel(
    x_ptr, turn_ptr, offsets_ptr, found_ptr, sums_ptr, rows, width, turns, x_row, turn_row,
    CHUNK: tl.constexpr,
):  # fmt: skip
    """Add both pieces of all values to sums[0] and sums[1]; without `found` values are exact."""
    row, start, stop, x_at, turn_at = _chunk(offsets_ptr, rows, width, x_row, turn_row, CHUNK)
    at = start + tl.arange(0, CHUNK)
    turn = _turns(turn_ptr + turn_at, at, stop, turns)
    x = tl.load(x_ptr + x_at + at, mask=at < stop, other=0).to(tl.float64)
    slots = rows.to(tl.int64) * turns
    while start < stop:
        start, mine, turn_id, last = _part(offsets_ptr, row, at, turn, start, stop, turns)
        while turn_id <= last:
            hit = mine & (turn == turn_id)
            here = tl.where(hit, x, 0.0)
            there = tl.max(hit.to(tl.int32), 0) > 0
            slot = row * turns + turn_id
            if found_ptr is not None:
                top = tl.load(found_ptr + slot).to(tl.float64, bitcast=True)
                count = tl.load(found_ptr + slots + slot).to(tl.float64)
                here, fine = cut(here, reach(top, count), count)
                fine = tl.sum(fine, 0)
                tl.atomic_add(sums_ptr + slots + slot, fine, mask=there, sem="relaxed")
            tl.atomic_add(sums_ptr + slot, tl.sum(here, 0), mask=there, sem="relaxed")
            turn_id += 1
        row += 1
