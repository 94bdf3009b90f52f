"""Kernels of returns along tokens in Triton that split rows into chunks, in two launches.

The first launch summarizes every chunk in numbers that do not depend on the chunks behind it. The
second launch finishes every chunk: from the numbers of all chunks behind it, it computes what lies
ahead of its last token.
"""

# pyright: basic, reportAssignmentType=false

from __future__ import annotations

import triton
import triton.language as tl

from creditlib.ops.returns.triton_recursion import (
    NONE,
    as_integer,
    chunk_credits,
    deltas,
    load,
    look_ahead,
)
from creditlib.ops.returns.triton_rows import (
    bounds,
    end_state,
    store_chunk,
    store_first_written,
)
from creditlib.ops.scans.triton_kernel import affine_scan, first

__all__ = ["PARTS", "finish", "summarize"]

# The numbers of a chunk: value of the first written token, rewards before it, A of the first one
# without the last one, factor of the A of the last one; reward of the last written token, rewards
# after it, its value.
PARTS = tl.constexpr(8)


@triton.jit
def summarize(
    reward,
    value,
    turn,
    present,
    bootstrap,
    offsets,
    parts,
    reward_stride,
    value_stride,
    turn_stride,
    present_stride,
    chunks,
    width,
    gamma: tl.float64,
    decay: tl.float64,
    UNIT: tl.constexpr,
    ACC: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """The numbers of one chunk that the chunks before it need, without the chunks after it.

    They keep the last written token apart, because its δ depends on what lies ahead.
    """
    VALUED: tl.constexpr = value is not None
    PACKED: tl.constexpr = offsets is not None
    row = (tl.program_id(0) // chunks).to(tl.int64)
    chunk = tl.program_id(0) % chunks
    begin, skip, end, room = bounds(offsets, row, width)
    if chunk > (end - 1) // CHUNK:
        return
    ahead, pending, _, beyond = end_state(None, row, ACC)
    if value is not None:
        value += begin + row * value_stride
    if present is not None:
        present += begin + row * present_stride
    at, _, written, own, gap, critic, _ = load(
        reward + begin + row * reward_stride,
        value,
        turn + begin + row * turn_stride,
        present,
        chunk, skip, end, room, PACKED, ACC, CHUNK,
    )  # fmt: skip
    gamma = tl.full((), gamma, ACC)
    decay = tl.full((), decay, ACC)
    near, later, ahead, pending = look_ahead(
        as_integer(critic, written), gap, ahead, pending, VALUED, CHUNK
    )
    last = at == tl.max(tl.where(written, at, -1), 0)
    rest = written & (last == 0)
    delta = deltas(own, critic, near, later, beyond, gamma, True, VALUED)
    sums, factors = affine_scan(tl.where(rest, delta, 0.0), tl.where(rest, decay, 1.0), UNIT)
    parts += (row * chunks + chunk) * PARTS
    tl.store(parts, ahead.to(ACC, bitcast=True))
    tl.store(parts + 1, pending)
    tl.store(parts + 2, first(sums, CHUNK))
    tl.store(parts + 3, first(factors, CHUNK))
    tl.store(parts + 4, tl.sum(tl.where(last, own, 0.0), 0))
    tl.store(parts + 5, tl.sum(tl.where(last, later, 0.0), 0))
    if VALUED:
        tl.store(parts + 6, tl.sum(tl.where(last, critic, 0.0), 0))


@triton.jit
def _state_after(
    parts,
    chunk,
    chunks,
    ahead,
    pending,
    credit,
    beyond,
    gamma,
    decay,
    EVERY: tl.constexpr,
    VALUED: tl.constexpr,
    UNIT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """(ahead, pending, A) behind a chunk, from the numbers of all chunks behind it."""
    block = (chunks - 1) // BLOCK
    while block * BLOCK + BLOCK - 1 > chunk:
        index = block * BLOCK + tl.arange(0, BLOCK)
        take = (index > chunk) & (index < chunks)
        part = parts + index * PARTS
        found = tl.load(part, mask=take, other=0.0).to(ahead.dtype, bitcast=True)
        found = tl.where(take, found, NONE)
        some = found != NONE
        lead = tl.load(part + 1, mask=take, other=0.0)
        rest = tl.load(part + 2, mask=take, other=0.0)
        factor = tl.load(part + 3, mask=take, other=1.0)
        own = tl.load(part + 4, mask=take, other=0.0)
        tail = tl.load(part + 5, mask=take, other=0.0)
        critic = tl.zeros_like(own)
        if VALUED:
            critic = tl.load(part + 6, mask=take, other=0.0)
        near, later, ahead, pending = look_ahead(found, lead, ahead, pending, True, BLOCK)
        delta = deltas(own, critic, near, tail + later, beyond, gamma, EVERY, VALUED)
        sums, factors = affine_scan(
            tl.where(some, tl.fma(factor, delta, rest), 0.0),
            tl.where(some, factor * decay, 1.0),
            UNIT,
        )
        credit = first(tl.fma(factors, credit, sums), BLOCK)
        block -= 1
    return ahead, pending, credit


@triton.jit
def _pending_before(parts, chunk, ahead, pending):
    """Rewards before the first written token of a chunk if it is the first of the row, else 0."""
    alone = True
    while (chunk > 0) & alone:
        chunk -= 1
        found = tl.load(parts + chunk * PARTS).to(ahead.dtype, bitcast=True)
        alone = found == NONE
        pending = tl.where(alone, tl.load(parts + chunk * PARTS + 1) + pending, 0.0)
    return pending


@triton.jit
def finish(
    reward, value, turn, present, bootstrap, offsets, advantage, returns, parts,
    reward_stride, value_stride, turn_stride, present_stride, advantage_stride, returns_stride,
    chunks, width, gamma: tl.float64, decay: tl.float64,
    UNIT: tl.constexpr, ACC: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The results of one chunk, from its tokens and from the numbers of all chunks behind it."""
    VALUED: tl.constexpr = value is not None
    PACKED: tl.constexpr = offsets is not None
    EVERY: tl.constexpr = PACKED or present is not None
    row = (tl.program_id(0) // chunks).to(tl.int64)
    chunk = tl.program_id(0) % chunks
    begin, skip, end, room = bounds(offsets, row, width)
    if chunk > (end - 1) // CHUNK:
        return
    ahead, pending, credit, beyond = end_state(bootstrap, row, ACC)
    gamma = tl.full((), gamma, ACC)
    decay = tl.full((), decay, ACC)
    parts += row * chunks * PARTS
    ahead, pending, credit = _state_after(
        parts, chunk, (end - 1) // CHUNK + 1, ahead, pending, credit, beyond, gamma, decay,
        EVERY, VALUED, UNIT, BLOCK,
    )  # fmt: skip
    advantage += begin + row * advantage_stride
    if returns is not None:
        returns += begin + row * returns_stride
    if value is not None:
        value += begin + row * value_stride
    if present is not None:
        present += begin + row * present_stride
    at, inside, written, own, gap, critic, _ = load(
        reward + begin + row * reward_stride,
        value,
        turn + begin + row * turn_stride,
        present,
        chunk, skip, end, room, PACKED, ACC, CHUNK,
    )  # fmt: skip
    credits, ahead, pending, credit = chunk_credits(
        written, own, gap, critic, ahead, pending, credit, beyond, gamma, decay,
        EVERY, VALUED, UNIT, CHUNK,
    )  # fmt: skip
    store_chunk(
        advantage, returns, chunk, skip, end, at, inside, written, credits, critic,
        PACKED, CHUNK,
    )  # fmt: skip
    if EVERY:
        position = tl.min(tl.where(written, at, end), 0)
        if position < end:
            pending = _pending_before(parts, chunk, ahead, pending)
            if pending != 0:
                store_first_written(advantage, returns, position, ahead, pending, credit)
