"""Kernels of returns in Triton that walk a row from its end, one program for a row."""

# pyright: basic, reportAssignmentType=false

from __future__ import annotations

import triton
import triton.language as tl

from creditlib.ops.returns.triton_recursion import NONE, as_value, chunk_credits, load
from creditlib.ops.scans.triton_kernel import affine_scan, first

__all__ = [
    "bounds",
    "end_state",
    "first_written",
    "store_chunk",
    "store_first_written",
    "turns",
    "whole",
]


@triton.jit
def bounds(offsets, row, width):
    """(begin, skip, end, room): a row has the tokens skip:end, counted from `begin`.

    `begin` is a multiple of 16 for packed rows. room: the group of 16 around the last token ends
    inside the tensor. Positions in a row have the integer type of `width`, `begin` has 64 bits.
    """
    begin = tl.cast(0, tl.int64)
    skip = tl.cast(0, tl.int32) + width * 0
    end = skip + width
    if offsets is not None:
        start = tl.load(offsets + row).to(tl.int64)
        stop = tl.load(offsets + row + 1).to(tl.int64)
        begin = start // 16 * 16
        skip = (start - begin).to(skip.dtype)
        end = (stop - begin).to(skip.dtype)
    return begin, skip, end, begin + (tl.cast(end, tl.int64) + 15) // 16 * 16 <= width


@triton.jit
def end_state(bootstrap, row, ACC: tl.constexpr):
    """(ahead, pending, credit) after the last token of a row, and the value there."""
    beyond = tl.full((), 0.0, ACC)
    if bootstrap is not None:
        beyond = tl.load(bootstrap + row).to(ACC)
    bits = tl.full((), NONE, tl.int64 if beyond.dtype == tl.float64 else tl.int32)
    return bits, tl.full((), 0.0, ACC), tl.full((), 0.0, ACC), beyond


@triton.jit
def _store_part(x, at, inside, full, part, PACKED: tl.constexpr):
    if PACKED and full:
        tl.store(x + at, part)
    else:
        tl.store(x + at, part, mask=inside)


@triton.jit
def store_chunk(
    advantage, returns, chunk, skip, end, at, inside, written, credits, critic,
    PACKED: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """Store the results of a chunk, in wide stores if one packed row fills it."""
    full = (end - chunk * CHUNK >= CHUNK) & (chunk * CHUNK >= skip)
    _store_part(advantage, at, inside, full, tl.where(written, credits, 0.0), PACKED)
    if returns is not None:
        _store_part(returns, at, inside, full, tl.where(written, credits + critic, 0.0), PACKED)


@triton.jit
def store_first_written(advantage, returns, position, ahead, pending, credit):
    """Add the rewards before the first written token of a row to that token, and store it again."""
    tl.debug_barrier()  # another thread may have stored this position before
    tl.store(advantage + position, credit + pending)
    if returns is not None:
        tl.store(returns + position, credit + pending + as_value(ahead, credit))


@triton.jit
def first_written(turn, skip, end, CHUNK: tl.constexpr):
    """The position of the first written token of a row, its end if there is none."""
    index = tl.arange(0, CHUNK)
    position = end
    chunk = end * 0
    while (position == end) & (chunk <= (end - 1) // CHUNK):
        at = chunk * CHUNK + index
        inside = (index < end - chunk * CHUNK) & (at >= skip)
        written = tl.load(turn + at, mask=inside, other=-1) >= 0
        position = tl.min(tl.where(written, at, end), 0)
        chunk += 1
    return position


@triton.jit
def whole(
    reward,
    value,
    turn,
    present,
    bootstrap,
    offsets,
    advantage,
    returns,
    reward_stride,
    value_stride,
    turn_stride,
    present_stride,
    advantage_stride,
    returns_stride,
    width,
    gamma: tl.float64,
    decay: tl.float64,
    UNIT: tl.constexpr,
    ACC: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Returns or GAE of one row of tokens, chunk by chunk from the end."""
    VALUED: tl.constexpr = value is not None
    PACKED: tl.constexpr = offsets is not None
    EVERY: tl.constexpr = PACKED or present is not None
    row = tl.program_id(0).to(tl.int64)
    begin, skip, end, room = bounds(offsets, row, width)
    ahead, pending, credit, beyond = end_state(bootstrap, row, ACC)
    reward += begin + row * reward_stride
    if value is not None:
        value += begin + row * value_stride
    turn += begin + row * turn_stride
    if present is not None:
        present += begin + row * present_stride
    advantage += begin + row * advantage_stride
    if returns is not None:
        returns += begin + row * returns_stride
    gamma = tl.full((), gamma, ACC)
    decay = tl.full((), decay, ACC)
    chunk = (end - 1) // CHUNK
    while chunk >= 0:
        at, inside, written, own, gap, critic, _ = load(
            reward, value, turn, present, chunk, skip, end, room, PACKED, ACC, CHUNK
        )
        credits, ahead, pending, credit = chunk_credits(
            written, own, gap, critic, ahead, pending, credit, beyond, gamma, decay,
            EVERY, VALUED, UNIT, CHUNK,
        )  # fmt: skip
        store_chunk(
            advantage, returns, chunk, skip, end, at, inside, written, credits, critic,
            PACKED, CHUNK,
        )  # fmt: skip
        chunk -= 1
    if EVERY and ((pending != 0) & (ahead != NONE)):
        position = first_written(turn, skip, end, CHUNK)
        store_first_written(advantage, returns, position, ahead, pending, credit)


@triton.jit
def turns(
    x,
    where,
    result,
    stride,
    where_stride,
    result_stride,
    width,
    gamma: tl.float64,
    ACC: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """y[k] = x[k] + gamma · y[k+1] of one row of turns, chunk by chunk from the end."""
    row = tl.program_id(0).to(tl.int64)
    gamma = tl.full((), gamma, ACC)
    following = tl.full((), 0.0, ACC)
    index = tl.arange(0, CHUNK)
    chunk = (width - 1) // CHUNK
    while chunk >= 0:
        at, inside = chunk * CHUNK + index, index < width - chunk * CHUNK
        selected = tl.load(where + row * where_stride + at, mask=inside, other=0) != 0
        value = tl.load(x + row * stride + at, mask=inside, other=0.0).to(ACC)
        value = tl.where(selected, value, 0.0)
        factor = tl.where(inside, gamma, 1.0)
        sums, factors = affine_scan(value, factor, False)
        sums = tl.fma(factors, following, sums)
        tl.store(result + row * result_stride + at, sums, mask=inside)
        following = first(sums, CHUNK)
        chunk -= 1
