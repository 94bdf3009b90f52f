"""One chunk of a row in Triton: A[t] = δ[t] + decay · A[n] with n the next written token.

Three numbers describe what is to the right of a chunk: `ahead`, the value of the next written token
as an integer (NONE if there is none), `pending`, the rewards on the unwritten tokens before it, and
A itself. One scan finds `ahead` and `pending` for each token, a second scan finds A. So δ is
computed as in the reference, and where it is 0 the result is exactly 0.
"""

# pyright: basic

from __future__ import annotations

import triton
import triton.language as tl

from creditlib.ops.scans.triton_kernel import affine_scan, first, shift_left

__all__ = [
    "NONE",
    "as_integer",
    "as_value",
    "chunk_credits",
    "deltas",
    "load",
    "look_ahead",
    "nearest",
]

# These bits are a NaN that no arithmetic yields; `as_integer` writes another one for every NaN.
NONE = tl.constexpr(-1)


@triton.jit
def as_integer(value, written):
    """The bits of a value, NONE where the policy wrote no token."""
    if value.dtype == tl.float64:
        bits = tl.where(value == value, value.to(tl.int64, bitcast=True), 0x7FF8000000000000)
    else:
        bits = tl.where(value == value, value.to(tl.int32, bitcast=True), 0x7FC00000)
    return tl.where(written, bits, NONE)


@triton.jit
def as_value(bits, missing):
    """The value of these bits, `missing` where they are NONE."""
    return tl.where(bits == NONE, missing, bits.to(missing.dtype, bitcast=True))


@triton.jit
def _load_part(x, at, inside, near, room, other, PACKED: tl.constexpr):
    if PACKED:
        part = tl.load(x + at, mask=near, other=other)
        if room == 0:
            part = tl.load(x + at, mask=inside, other=other)
    else:
        part = tl.load(x + at, mask=inside, other=other)
    return part


@triton.jit
def load(
    reward,
    value,
    turn,
    present,
    chunk,
    skip,
    end,
    room,
    PACKED: tl.constexpr,
    ACC: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """(at, inside, written, reward, gap, value, turn) of a chunk.

    gap: a reward on an unwritten token. turn: any number where `written` is false.

    Packed rows are loaded in whole groups of 16 tokens if there is room, so that loads are wide;
    tokens of other rows are dropped. Positions are compared as `end - chunk * CHUNK`, so that the
    index arithmetic cannot overflow.
    """
    index = tl.arange(0, CHUNK)
    at = chunk * CHUNK + index
    inside = index < end - chunk * CHUNK
    if PACKED:
        inside = inside & (at >= skip)
    near = index < tl.where(room, (end - chunk * CHUNK + 15) // 16 * 16, 0)
    who = _load_part(turn, at, inside, near, room, -1, PACKED)
    written = inside & (who >= 0)
    x = _load_part(reward, at, inside, near, room, 0.0, PACKED).to(ACC)
    counts = inside & (x == x)
    if present is not None:
        counts = counts & (_load_part(present, at, inside, near, room, 0, PACKED) != 0)
    own = tl.where(written, x, 0.0)
    gap = tl.where(counts & (written == 0), x, 0.0)
    critic = tl.zeros_like(own)
    if value is not None:
        critic = _load_part(value, at, inside, near, room, 0.0, PACKED).to(ACC)
        critic = tl.where(written, critic, 0.0)
    return at, inside, written, own, gap, critic, who


@triton.jit
def _nearer(ahead, pending, own, own_pending):
    none = own == NONE
    return tl.where(none, ahead, own), tl.where(none, own_pending + pending, own_pending)


@triton.jit
def nearest(ahead, own):
    """`own`, or what lies ahead where it is NONE."""
    return tl.where(own == NONE, ahead, own)


@triton.jit
def look_ahead(own, gap, ahead, pending, VALUED: tl.constexpr, SIZE: tl.constexpr):
    """(ahead, pending) after each token, and (ahead, pending) at the first token.

    own: the bits of the values. A chunk without gaps, or without rewards in them, skips the scans.
    Without values `ahead` is 0 or NONE, and only pending rewards need it.
    """
    case = tl.max(tl.where(gap != 0, 2, tl.where(own == NONE, 1, 0)), 0)
    found = own
    later = tl.zeros_like(gap)
    last = pending
    if (case == 2) | (pending != 0):
        found, sums = tl.associative_scan((own, gap), 0, _nearer, reverse=True)
        sums = tl.where(found == NONE, sums + pending, sums)
        found = tl.where(found == NONE, ahead, found)
        later = shift_left(sums, pending, SIZE)
        last = first(sums, SIZE)
    elif VALUED and case == 1:
        found = tl.associative_scan(own, 0, nearest, reverse=True)
        found = tl.where(found == NONE, ahead, found)
    at_first = first(found, SIZE) if VALUED else tl.maximum(tl.max(own, 0), ahead)
    return shift_left(found, ahead, SIZE), later, at_first, last


@triton.jit
def deltas(own, critic, ahead, pending, beyond, gamma, EVERY: tl.constexpr, VALUED: tl.constexpr):
    """δ = reward + gamma · value ahead − value; EVERY: rewards after the last written count too."""
    if not EVERY:
        pending = tl.where(ahead == NONE, 0.0, pending)
    delta = own + pending
    if VALUED:
        delta = delta + gamma * as_value(ahead, beyond) - critic
    return delta


@triton.jit
def chunk_credits(
    written,
    own,
    gap,
    critic,
    ahead,
    pending,
    credit,
    beyond,
    gamma,
    decay,
    EVERY: tl.constexpr,
    VALUED: tl.constexpr,
    UNIT: tl.constexpr,
    SIZE: tl.constexpr,
):
    """A of all tokens of a chunk, also unwritten ones; (ahead, pending, A) at its first token."""
    bits = as_integer(critic, written)
    near, later, ahead, pending = look_ahead(bits, gap, ahead, pending, VALUED, SIZE)
    delta = deltas(own, critic, near, later, beyond, gamma, EVERY, VALUED)
    delta = tl.where(written, delta, 0.0)
    sums, factors = affine_scan(delta, tl.where(written, decay, 1.0), UNIT)
    credits = tl.fma(factors, credit, sums)
    return credits, ahead, pending, first(credits, SIZE)
