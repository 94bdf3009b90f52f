"""The kernel of the ratios of tokens."""

# pyright: basic

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["ratio_kernel"]


@triton.jit
def ratio_kernel(
    new_ptr,
    old_ptr,
    turn_ptr,
    out_ptr,
    tokens,
    low: tl.float64,
    high: tl.float64,
    below: tl.float64,
    above: tl.float64,
    LARGEST: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """The bounded ratios of BLOCK tokens, in float64; a NaN stays NaN.

    A ratio under `low` becomes `below`, and one over `high` becomes `above`.
    """
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < tokens
    written = tl.load(turn_ptr + at, mask=inside, other=-1) >= 0
    new = tl.load(new_ptr + at, mask=inside, other=0.0).to(tl.float64)
    x = new - tl.load(old_ptr + at, mask=inside, other=0.0).to(tl.float64)
    x = tl.where(x > LARGEST, LARGEST, x)
    x = tl.where(x < -LARGEST, -LARGEST, x)
    ratio = tl.exp(x)
    kept = tl.where(ratio < low, below, ratio)
    kept = tl.where(ratio > high, above, kept)
    kept = tl.where(written, kept, 0.0).to(out_ptr.dtype.element_ty)
    tl.store(out_ptr + at, kept, mask=inside)
