"""Reverse scans in Triton: the parts that kernels of returns use, and the running minimum.

A scan from the end combines what lies to the right first: it is the first argument of a
combination.
"""

# pyright: basic

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["affine_scan", "first", "minimum_kernel", "shift_left"]


@triton.jit
def _combine_affine(value, factor, own_value, own_factor):
    """own_value + own_factor · (value + factor · y), as a value and a factor of y."""
    return tl.fma(own_factor, value, own_value), own_factor * factor


@triton.jit
def _smaller(value, own):
    """The smaller one; NaN if `own` is NaN."""
    return tl.where((own < value) | (own != own), own, value)


@triton.jit
def affine_scan(value, factor, UNIT: tl.constexpr):
    """Sums and factors of y after the end, for y[t] = value[t] + factor[t] · y[t+1].

    UNIT: all factors are 1.
    """
    if UNIT:
        sums = tl.cumsum(value, 0, reverse=True)
        factors = tl.full(value.shape, 1.0, value.dtype)
    else:
        sums, factors = tl.associative_scan((value, factor), 0, _combine_affine, reverse=True)
    return sums, factors


@triton.jit
def first(x, SIZE: tl.constexpr):
    """x[0] as a scalar."""
    return tl.sum(tl.where(tl.arange(0, SIZE) == 0, x, 0), 0)


@triton.jit
def shift_left(x, end, SIZE: tl.constexpr):
    """x[t+1], and `end` at the end."""
    index = tl.arange(0, SIZE)
    shifted = tl.gather(x, tl.minimum(index + 1, SIZE - 1), 0)
    return tl.where(index == SIZE - 1, end, shifted)


@triton.jit
def minimum_kernel(x, out, stride, out_stride, width, ACC: tl.constexpr, CHUNK: tl.constexpr):
    """The running minimum of one row, chunk by chunk from the end."""
    row = tl.program_id(0).to(tl.int64)
    lowest = tl.full((), float("inf"), ACC)
    index = tl.arange(0, CHUNK)
    chunk = (width - 1) // CHUNK
    while chunk >= 0:
        at, inside = chunk * CHUNK + index, index < width - chunk * CHUNK
        part = tl.load(x + row * stride + at, mask=inside, other=float("inf")).to(ACC)
        part = _smaller(lowest, tl.associative_scan(part, 0, _smaller, reverse=True))
        tl.store(out + row * out_stride + at, part, mask=inside)
        lowest = first(part, CHUNK)
        chunk -= 1
