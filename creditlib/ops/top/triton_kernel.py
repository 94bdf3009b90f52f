"""The kernel of the highest tokens of a row."""

# pyright: basic

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["top_kernel"]


@triton.jit
def _keys(score_ptr, turn_ptr, at, end, INT: tl.constexpr, SIGN: tl.constexpr):
    """(integers in the order of the scores, whether the policy wrote the token).

    -0.0 is 0.0. Tokens that the policy did not write get the lowest integer.
    """
    inside = at < end
    written = tl.load(turn_ptr + at, mask=inside, other=-1) >= 0
    score = tl.load(score_ptr + at, mask=inside, other=0.0)
    bits = score.to(INT, bitcast=True)
    top = tl.full(bits.shape, 1, INT) << SIGN
    key = bits ^ ((bits >> SIGN) & ~top)
    key = tl.where(key == -1, 0, key)
    return tl.where(written, key, top), written


@triton.jit
def _count_above(
    score_ptr,
    turn_ptr,
    start,
    end,
    edge,
    INT: tl.constexpr,
    SIGN: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """How many keys of a row are above an edge."""
    count = tl.zeros([CHUNK], tl.int64)
    while start < end:
        key, written = _keys(score_ptr, turn_ptr, start + tl.arange(0, CHUNK), end, INT, SIGN)
        count += (written & (key > edge)).to(tl.int64)
        start += CHUNK
    return tl.sum(count, 0)


@triton.jit
def top_kernel(
    score_ptr,
    turn_ptr,
    out_ptr,
    offsets_ptr,
    width,
    fraction: tl.float64,
    INT: tl.constexpr,
    SIGN: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """True at the highest tokens of one row: the interval that holds the last key taken is halved.

    `fraction` is a little smaller than the share, so that the rounding of the product adds no
    token.
    """
    row = tl.program_id(0).to(tl.int64)
    start, end = row * width, row * width + width
    if offsets_ptr is not None:
        start = tl.load(offsets_ptr + row).to(tl.int64)
        end = tl.load(offsets_ptr + row + 1).to(tl.int64)
    lowest = tl.full((), 1, INT) << SIGN
    count = tl.zeros([CHUNK], tl.int64)
    at = start
    while at < end:
        inside = at + tl.arange(0, CHUNK)
        written = tl.load(turn_ptr + inside, mask=inside < end, other=-1) >= 0
        count += written.to(tl.int64)
        at += CHUNK
    written_tokens = tl.sum(count, 0)
    taken = tl.ceil(written_tokens.to(tl.float64) * fraction).to(tl.int64)
    taken = tl.minimum(taken, written_tokens)
    low, high = lowest, ~lowest
    while low < high:
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        above = _count_above(score_ptr, turn_ptr, start, end, middle, INT, SIGN, CHUNK)
        low = tl.where(above >= taken, middle + 1, low)
        high = tl.where(above >= taken, high, middle)
    equal = taken - _count_above(score_ptr, turn_ptr, start, end, low, INT, SIGN, CHUNK)
    at, before = start, taken * 0
    while at < end:
        inside = at + tl.arange(0, CHUNK)
        key, written = _keys(score_ptr, turn_ptr, inside, end, INT, SIGN)
        same = (written & (key == low)).to(tl.int64)
        early = before + tl.cumsum(same, 0) <= equal
        chosen = written & ((key > low) | ((key == low) & early)) & (taken > 0)
        tl.store(out_ptr + inside, chosen.to(tl.uint8), mask=inside < end)
        before += tl.sum(same, 0)
        at += CHUNK
