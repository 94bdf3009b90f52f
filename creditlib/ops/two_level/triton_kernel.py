"""GAE of two levels in Triton, one program for a row, with the scans of the kernels of returns.

A further scan finds the turn of the next written token. It chooses the discount of the value ahead
and that of the advantage ahead, token by token.
"""

# pyright: basic, reportAssignmentType=false

from __future__ import annotations

import triton
import triton.language as tl

from creditlib.ops.returns.triton_recursion import NONE, chunk_credits, load, nearest
from creditlib.ops.returns.triton_rows import (
    bounds,
    end_state,
    first_written,
    store_chunk,
    store_first_written,
)
from creditlib.ops.scans.triton_kernel import first, shift_left

__all__ = ["two_level_kernel"]


@triton.jit
def _next_turn(who, ahead, SIZE: tl.constexpr):
    """(the turn of the next written token after each token, that at the first token)."""
    found = who
    if tl.min(who, 0) == NONE:
        found = tl.associative_scan(who, 0, nearest, reverse=True)
        found = tl.where(found == NONE, ahead, found)
    return shift_left(found, ahead, SIZE), first(found, SIZE)


@triton.jit
def _rate(who, following, within, across, last, ACC: tl.constexpr):
    """The rate after each token; `following` is the turn of the next written one."""
    within, across = tl.full((), within, ACC), tl.full((), across, ACC)
    last = tl.full((), last, ACC)
    return tl.where(who == following, within, tl.where(following == NONE, last, across))


@triton.jit
def two_level_kernel(
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
    turn_gamma: tl.float64,
    turn_decay: tl.float64,
    last_gamma: tl.float64,
    last_decay: tl.float64,
    ACC: tl.constexpr,
    ID: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """GAE of two levels of one row of tokens, chunk by chunk from the end; ID: the type of ids."""
    PACKED: tl.constexpr = offsets is not None
    EVERY: tl.constexpr = PACKED or present is not None
    row = tl.program_id(0).to(tl.int64)
    begin, skip, end, room = bounds(offsets, row, width)
    ahead, pending, credit, beyond = end_state(bootstrap, row, ACC)
    later = tl.full((), NONE, ID)
    reward += begin + row * reward_stride
    value += begin + row * value_stride
    turn += begin + row * turn_stride
    if present is not None:
        present += begin + row * present_stride
    advantage += begin + row * advantage_stride
    returns += begin + row * returns_stride
    chunk = (end - 1) // CHUNK
    while chunk >= 0:
        at, inside, written, own, gap, critic, who = load(
            reward, value, turn, present, chunk, skip, end, room, PACKED, ACC, CHUNK
        )
        who = tl.where(written, who.to(ID), NONE)
        following, later = _next_turn(who, later, CHUNK)
        credits, ahead, pending, credit = chunk_credits(
            written, own, gap, critic, ahead, pending, credit, beyond,
            _rate(who, following, gamma, turn_gamma, last_gamma, ACC),
            _rate(who, following, decay, turn_decay, last_decay, ACC),
            EVERY, True, False, CHUNK,
        )  # fmt: skip
        store_chunk(
            advantage, returns, chunk, skip, end, at, inside, written, credits, critic,
            PACKED, CHUNK,
        )  # fmt: skip
        chunk -= 1
    if EVERY and ((pending != 0) & (ahead != NONE)):
        position = first_written(turn, skip, end, CHUNK)
        store_first_written(advantage, returns, position, ahead, pending, credit)
