"""The kernels between levels: credit of rows and turns to tokens, sums of tokens by turn."""

# pyright: basic

from __future__ import annotations

import triton
import triton.language as tl

from creditlib.ops.backend.triton_precision import cut, reach

__all__ = ["packed_kernel", "padded_kernel", "row_of", "sum_kernel"]


@triton.jit
def _load_credit(credit_ptr, row, rows, turn, written, turns, credit_row, BY_TURN: tl.constexpr):
    """(credit, written) of tokens; a turn id past the last turn counts as unwritten."""
    at, known = row * credit_row, row < rows
    if BY_TURN:
        written = written & (turn < turns)
        at, known = at + turn.to(tl.int64), known & written
    return tl.load(credit_ptr + at, mask=known, other=0.0), written


@triton.jit
def _store_credit(credit, written, weight_ptr, weight_at, out_ptr, out_at, inside):
    """Store credit times weight, and 0 on tokens that the policy did not write."""
    result = credit.to(out_ptr.dtype.element_ty)
    if weight_ptr is not None:
        weight = tl.load(weight_ptr + weight_at, mask=inside, other=0.0)
        result = result * weight.to(out_ptr.dtype.element_ty)
    tl.store(out_ptr + out_at, tl.where(written, result, 0.0), mask=inside)


@triton.jit
def padded_kernel(
    credit_ptr, turn_ptr, weight_ptr, out_ptr, rows, width, turns,
    credit_row, turn_row, weight_row, out_row,
    BY_TURN: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """The credit of ROWS by COLS padded tokens."""
    blocks = tl.cdiv(width, COLS)
    pid = tl.program_id(0)
    row = (pid // blocks).to(tl.int64) * ROWS + tl.arange(0, ROWS)[:, None]
    col = (pid % blocks) * COLS + tl.arange(0, COLS)[None, :]
    inside = (row < rows) & (col < width)
    turn = tl.load(turn_ptr + row * turn_row + col, mask=inside, other=-1)
    credit, written = _load_credit(
        credit_ptr, row, rows, turn, inside & (turn >= 0), turns, credit_row, BY_TURN
    )
    weight_at, out_at = row * weight_row + col, row * out_row + col
    _store_credit(credit, written, weight_ptr, weight_at, out_ptr, out_at, inside)


@triton.jit
def row_of(offsets_ptr, at, rows):
    """The row of a packed token: the first row that ends after it."""
    low, high = at * 0, at * 0 + rows
    while low < high:
        middle = (low + high) // 2
        after = tl.load(offsets_ptr + middle + 1) > at
        high = tl.where(after, middle, high)
        low = tl.where(after, low, middle + 1)
    return low


@triton.jit
def packed_kernel(
    credit_ptr, turn_ptr, weight_ptr, out_ptr, offsets_ptr, rows, tokens, turns, credit_row,
    BY_TURN: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The credit of BLOCK packed tokens, after a search for the rows of the first and the last."""
    start = tl.program_id(0).to(tl.int64) * BLOCK
    at = start + tl.arange(0, BLOCK)
    inside = at < tokens
    # Loaded before the rows are searched, so that the load overlaps the search.
    turn = tl.load(turn_ptr + at, mask=inside, other=-1)
    first = row_of(offsets_ptr, start, rows)
    last = row_of(offsets_ptr, tl.minimum(start + BLOCK, tokens) - 1, rows)
    low = tl.zeros([BLOCK], tl.int64) + first
    high = tl.zeros([BLOCK], tl.int64) + last
    between = last - first
    while between > 0:
        middle = (low + high) // 2
        end = tl.load(offsets_ptr + middle + 1, mask=middle < rows, other=0)
        after = (end > at) | (middle >= last)
        high = tl.where(after, middle, high)
        low = tl.where(after, low, middle + 1)
        between = between // 2
    written = inside & (turn >= 0)
    credit, written = _load_credit(credit_ptr, low, rows, turn, written, turns, credit_row, BY_TURN)
    _store_credit(credit, written, weight_ptr, at, out_ptr, at, inside)


@triton.jit
def _tokens_of_turns(turn_ptr, at, end, first, TURNS: tl.constexpr):
    """([turn, token]: the token is of the turn, whether any is); turns from `first` on."""
    turn = tl.load(turn_ptr + at, mask=at < end, other=-1).to(tl.int64)
    hit = turn[None, :] == (first + tl.arange(0, TURNS))[:, None]
    return hit, tl.max(((turn >= first) & (turn < first + TURNS)).to(tl.int32), 0) > 0


@triton.jit
def _turn_range(x_ptr, turn_ptr, start, end, first, TURNS: tl.constexpr, CHUNK: tl.constexpr):
    """(largest absolute value, number of tokens) of each turn."""
    top, count = tl.zeros([TURNS, CHUNK], tl.float64), tl.zeros([TURNS, CHUNK], tl.int32)
    while start < end:
        at = start + tl.arange(0, CHUNK)
        hit, any_hit = _tokens_of_turns(turn_ptr, at, end, first, TURNS)
        if any_hit:
            x = tl.load(x_ptr + at, mask=at < end, other=0).to(tl.float64)
            top = tl.maximum(top, tl.where(hit, tl.abs(x)[None, :], 0.0))
            count += hit.to(tl.int32)
        start += CHUNK
    return tl.max(top, 1), tl.sum(count, 1).to(tl.float64)


@triton.jit
def sum_kernel(
    x_ptr, turn_ptr, out_ptr, offsets_ptr, width, turns, x_row, turn_row,
    EXACT: tl.constexpr, TURNS: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """The sums of TURNS turns of one row. EXACT: float64 adds the values without rounding."""
    blocks = tl.cdiv(turns, TURNS)
    row = (tl.program_id(0) // blocks).to(tl.int64)
    first = (tl.program_id(0) % blocks) * TURNS
    start, end = row * 0, row * 0 + width
    if offsets_ptr is not None:
        start = tl.load(offsets_ptr + row).to(tl.int64)
        end = tl.load(offsets_ptr + row + 1).to(tl.int64)
    x_ptr, turn_ptr = x_ptr + row * x_row, turn_ptr + row * turn_row
    # Each element of the tile sums on its own. The cuts make the order of additions irrelevant.
    coarse, fine = tl.zeros([TURNS, CHUNK], tl.float64), tl.zeros([TURNS, CHUNK], tl.float64)
    above, count = tl.zeros([TURNS], tl.float64), tl.zeros([TURNS], tl.float64)
    if not EXACT:
        top, count = _turn_range(x_ptr, turn_ptr, start, end, first, TURNS, CHUNK)
        above = reach(top, count)
    while start < end:
        at = start + tl.arange(0, CHUNK)
        hit, any_hit = _tokens_of_turns(turn_ptr, at, end, first, TURNS)
        if any_hit:
            x = tl.load(x_ptr + at, mask=at < end, other=0).to(tl.float64)
            here = tl.where(hit, x[None, :], 0.0)
            if EXACT:
                coarse += here
            else:
                here, rest = cut(here, above[:, None], count[:, None])
                coarse += here
                fine += rest
        start += CHUNK
    turn_id = first + tl.arange(0, TURNS)
    result = (tl.sum(coarse, 1) + tl.sum(fine, 1)).to(out_ptr.dtype.element_ty)
    tl.store(out_ptr + row * turns + turn_id, result, mask=turn_id < turns)
