"""Kernels of the returns along tokens in Triton: one program walks a row from its end."""

# pyright: reportUntypedFunctionDecorator=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportInvalidTypeForm=false
# pyright: reportAssignmentType=false, reportArgumentType=false

from __future__ import annotations

import triton
import triton.language as tl

from creditlib.ops._credit_triton import NONE, as_value, credited, load
from creditlib.ops.scan_triton import first, summed

__all__ = ["bounds", "deposit", "moved", "nothing", "put", "turns", "whole"]


@triton.jit
def bounds(offsets, row, width):
    """(begin, skip, end, room): a row has the tokens skip:end, counted from `begin`.

    Packed rows are counted from a multiple of 16; room: 16 more tokens end inside the tensor too.
    Tokens count in the integers of `width`, only where a row begins may need 64 bits.
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
def moved(x, by):
    """A pointer moved on, or no pointer."""
    if x is not None:
        x += by
    return x


@triton.jit
def nothing(bootstrap, row, ACC: tl.constexpr):
    """What lies after a row: (ahead, pending, credit), and the value there."""
    beyond = tl.full((), 0.0, ACC)
    if bootstrap is not None:
        beyond = tl.load(bootstrap + row).to(ACC)
    bits = tl.full((), NONE, tl.int64 if beyond.dtype == tl.float64 else tl.int32)
    return bits, tl.full((), 0.0, ACC), tl.full((), 0.0, ACC), beyond


@triton.jit
def _put(x, at, inside, full, part, PACKED: tl.constexpr):
    if PACKED and full:
        tl.store(x + at, part)
    else:
        tl.store(x + at, part, mask=inside)


@triton.jit
def put(
    advantage, returns, chunk, skip, end, at, inside, written, credits, critic,
    PACKED: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """Write a chunk's results; a chunk that is all of one packed row in wide pieces."""
    full = (end - chunk * CHUNK >= CHUNK) & (chunk * CHUNK >= skip)
    _put(advantage, at, inside, full, tl.where(written, credits, 0.0), PACKED)
    if returns is not None:
        _put(returns, at, inside, full, tl.where(written, credits + critic, 0.0), PACKED)


@triton.jit
def deposit(advantage, returns, place, ahead, pending, credit):
    """Rewards before the first written token of a row are that token's: its results again."""
    tl.debug_barrier()  # the place was written before, maybe by another thread
    tl.store(advantage + place, credit + pending)
    if returns is not None:
        tl.store(returns + place, credit + pending + as_value(ahead, credit))


@triton.jit
def _first_written(turn, skip, end, CHUNK: tl.constexpr):
    """The place of a row's first written token, its end for none."""
    index = tl.arange(0, CHUNK)
    place = end
    chunk = end * 0
    while (place == end) & (chunk <= (end - 1) // CHUNK):
        at = chunk * CHUNK + index
        inside = (index < end - chunk * CHUNK) & (at >= skip)
        written = tl.load(turn + at, mask=inside, other=-1) >= 0
        place = tl.min(tl.where(written, at, end), 0)
        chunk += 1
    return place


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
    """One program a row, chunk by chunk from the end."""
    VALUED: tl.constexpr = value is not None
    PACKED: tl.constexpr = offsets is not None
    EVERY: tl.constexpr = PACKED or present is not None
    row = tl.program_id(0).to(tl.int64)
    begin, skip, end, room = bounds(offsets, row, width)
    ahead, pending, credit, beyond = nothing(bootstrap, row, ACC)
    reward += begin + row * reward_stride
    value = moved(value, begin + row * value_stride)
    turn += begin + row * turn_stride
    present = moved(present, begin + row * present_stride)
    advantage += begin + row * advantage_stride
    returns = moved(returns, begin + row * returns_stride)
    gamma = tl.full((), gamma, ACC)
    decay = tl.full((), decay, ACC)
    chunk = (end - 1) // CHUNK
    while chunk >= 0:
        at, inside, written, own, gap, critic = load(
            reward, value, turn, present, chunk, skip, end, room, PACKED, ACC, CHUNK
        )
        credits, ahead, pending, credit = credited(
            written, own, gap, critic, ahead, pending, credit, beyond, gamma, decay,
            EVERY, VALUED, UNIT, CHUNK,
        )  # fmt: skip
        put(
            advantage, returns, chunk, skip, end, at, inside, written, credits, critic,
            PACKED, CHUNK,
        )  # fmt: skip
        chunk -= 1
    if EVERY and ((pending != 0) & (ahead != NONE)):
        place = _first_written(turn, skip, end, CHUNK)
        deposit(advantage, returns, place, ahead, pending, credit)


@triton.jit
def turns(
    x,
    real,
    result,
    stride,
    real_stride,
    result_stride,
    width,
    gamma: tl.float64,
    ACC: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """One program a row of turns, chunk by chunk from the end: y[k] = x[k] + gamma · y[k+1]."""
    row = tl.program_id(0).to(tl.int64)
    gamma = tl.full((), gamma, ACC)
    following = tl.full((), 0.0, ACC)
    index = tl.arange(0, CHUNK)
    chunk = (width - 1) // CHUNK
    while chunk >= 0:
        at, inside = chunk * CHUNK + index, index < width - chunk * CHUNK
        mine = tl.load(real + row * real_stride + at, mask=inside, other=0) != 0
        value = tl.load(x + row * stride + at, mask=inside, other=0.0).to(ACC)
        value = tl.where(mine, value, 0.0)
        factor = tl.where(inside, gamma, 1.0)
        sums, factors = summed(value, factor, False)
        sums = tl.fma(factors, following, sums)
        tl.store(result + row * result_stride + at, sums, mask=inside)
        following = first(sums, CHUNK)
        chunk -= 1
