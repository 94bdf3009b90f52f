"""The kernels of whitening: the range of the values, their sums, their moments, the result.

`one_program` does all of it for few values. For many, `range_kernel`, `sums_kernel` and
`whiten_kernel` follow one another, and each of their programs takes a share of the values.
"""

# pyright: basic

from __future__ import annotations

import triton
import triton.language as tl

from creditlib.ops.backend.triton_precision import cut_finite, reach

__all__ = [
    "FACTOR", "MASK", "TURN", "one_program", "range_kernel", "sums_kernel", "whiten_kernel",
]  # fmt: skip

# What a weight is: a factor, a mask, or the turn of a token (-1: the policy did not write it).
FACTOR, MASK, TURN = tl.constexpr(0), tl.constexpr(1), tl.constexpr(2)


@triton.jit
def _position(i, width, row, FLAT: tl.constexpr):
    """The position of the value numbered i, in rows of `width` values that start `row` apart."""
    return i if FLAT else (i // width).to(tl.int64) * row + i % width


@triton.jit
def _share(n, BLOCK: tl.constexpr):
    """(first value of the program, how many are left from it on, distance of its blocks).

    They have the integer type of `n`. What is left is compared with places in a block, because the
    place of a value past the end may overflow.
    """
    zero = tl.cast(0, tl.int32) + n * 0
    first = zero + tl.program_id(0) * BLOCK
    return first, zero + n - first, zero + tl.num_programs(0) * BLOCK


@triton.jit
def _load(data, first, left, KIND: tl.constexpr, FLAT: tl.constexpr, BLOCK: tl.constexpr):
    """(x, weight, counts) of a block; x and weight have no meaning where `counts` is False.

    x is in its own type, or float32 if that is wider.
    """
    x_ptr, w_ptr, _n, width, x_row, w_row = data
    lane = tl.arange(0, BLOCK)
    inside, i = lane < left, tl.multiple_of(first, BLOCK) + lane
    weight = tl.load(w_ptr + _position(i, width, w_row, FLAT), mask=inside, other=0)
    counts = inside & (weight >= 0 if KIND == TURN else weight > 0)
    # Values that do not count are loaded too: a mask that varies by value would split the load.
    x = tl.load(x_ptr + _position(i, width, x_row, FLAT), mask=inside, other=0.0)
    if x.dtype != tl.float64:
        x = x.to(tl.float32)
    return x, weight, counts


@triton.jit
def _range(data, KIND: tl.constexpr, FLAT: tl.constexpr, BLOCK: tl.constexpr):
    """(count, lowest, highest, largest weight) of the program's share."""
    first, left, step = _share(data[2], BLOCK)
    OWN: tl.constexpr = tl.float64 if data[0].dtype.element_ty == tl.float64 else tl.float32
    number = tl.zeros([BLOCK], tl.int32)
    low = tl.full([BLOCK], float("inf"), OWN)
    high = tl.full([BLOCK], float("-inf"), OWN)
    top = tl.zeros([BLOCK], data[1].dtype.element_ty)
    while left > 0:
        x, weight, counts = _load(data, first, left, KIND, FLAT, BLOCK)
        number += counts.to(tl.int32)
        low = tl.minimum(low, tl.where(counts, x, float("inf")))
        high = tl.maximum(high, tl.where(counts, x, float("-inf")))
        if KIND == FACTOR:
            top = tl.maximum(top, tl.where(counts, weight, 0))
        first += step
        left -= step
    count = tl.sum(number, 0).to(tl.float64)
    largest = tl.max(top, 0).to(tl.float64) if KIND == FACTOR else tl.where(count > 0, 1.0, 0.0)
    return count, tl.min(low, 0).to(tl.float64), tl.max(high, 0).to(tl.float64), largest


@triton.jit
def _sums(data, extent, KIND: tl.constexpr, FLAT: tl.constexpr, BLOCK: tl.constexpr):
    """Σ w, Σ w s and Σ w s² of s = x − lowest, each in two exact pieces."""
    first, left, step = _share(data[2], BLOCK)
    count, low, high, top = extent
    low, span = tl.where(count > 0, low, 0.0), tl.where(count > 0, high - low, 0.0)
    weight_bound, value_bound = reach(top, count), reach(top * span, count)
    square_bound = reach(top * span * span, count)
    weight_sum, weight_fine = tl.zeros([BLOCK], tl.float64), tl.zeros([BLOCK], tl.float64)
    value_sum, value_fine = tl.zeros([BLOCK], tl.float64), tl.zeros([BLOCK], tl.float64)
    square_sum, square_fine = tl.zeros([BLOCK], tl.float64), tl.zeros([BLOCK], tl.float64)
    while left > 0:
        x, weight, counts = _load(data, first, left, KIND, FLAT, BLOCK)
        # The lowest value is one of x, so its own type holds it, and its distance is exactly 0.
        shifted = tl.where(counts, x, low.to(x.dtype)).to(tl.float64) - low
        weighted = shifted
        if KIND == FACTOR:
            factor = tl.where(counts, weight.to(tl.float64), 0.0)
            weighted = factor * shifted
            coarse, fine = cut_finite(factor, weight_bound, count)
            weight_sum, weight_fine = weight_sum + coarse, weight_fine + fine
        coarse, fine = cut_finite(weighted, value_bound, count)
        value_sum, value_fine = value_sum + coarse, value_fine + fine
        coarse, fine = cut_finite(weighted * shifted, square_bound, count)
        square_sum, square_fine = square_sum + coarse, square_fine + fine
        first += step
        left -= step
    return (
        tl.sum(weight_sum, 0),
        tl.sum(weight_fine, 0),
        tl.sum(value_sum, 0),
        tl.sum(value_fine, 0),
        tl.sum(square_sum, 0),
        tl.sum(square_fine, 0),
    )


@triton.jit
def _moments(extent, sums, EPS: tl.constexpr, KIND: tl.constexpr):
    """(mean, rstd) from the smallest value and the sums of the distances to it."""
    count, low, _high, _top = extent
    weight_sum, value_sum, square_sum = sums
    if KIND != FACTOR:
        weight_sum = count
    offset = tl.where(weight_sum > 0, value_sum / tl.where(weight_sum > 0, weight_sum, 1.0), 0.0)
    square = square_sum - offset * value_sum
    # Rounding may make it negative; a NaN stays.
    square = tl.where(square < 0, 0.0, square)
    variance = tl.where(weight_sum > 1, square / tl.where(weight_sum > 1, weight_sum - 1, 1.0), 0.0)
    divisor = variance + tl.full((), EPS, tl.float64)
    rstd = tl.where(divisor > 0, 1.0 / tl.sqrt(tl.where(divisor > 0, divisor, 1.0)), 0.0)
    return tl.where(weight_sum > 0, low + offset, 0.0), rstd


@triton.jit
def _store(
    data, out_ptr, out_row, mean, rstd,
    KIND: tl.constexpr, FLAT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Store the whitened values of the program's share, 0 for values that do not count.

    The mean is subtracted in two parts, as in the reference: a large one costs no digits.
    """
    first, left, step = _share(data[2], BLOCK)
    OWN: tl.constexpr = tl.float64 if data[0].dtype.element_ty == tl.float64 else tl.float32
    near = mean.to(OWN)
    rest, factor = (mean - near.to(tl.float64)).to(OWN), rstd.to(OWN)
    while left > 0:
        x, _weight, counts = _load(data, first, left, KIND, FLAT, BLOCK)
        result = tl.where(counts, ((x - near) - rest) * factor, 0.0)
        lane = tl.arange(0, BLOCK)
        at = _position(tl.multiple_of(first, BLOCK) + lane, data[3], out_row, FLAT)
        tl.store(out_ptr + at, result.to(out_ptr.dtype.element_ty), mask=lane < left)
        first += step
        left -= step


@triton.jit
def one_program(
    x_ptr, w_ptr, out_ptr, moments_ptr, n, width, x_row, w_row, out_row,
    EPS: tl.constexpr, WRITE: tl.constexpr,
    KIND: tl.constexpr, FLAT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The moments and the whitened values, by one program."""
    data = (x_ptr, w_ptr, n, width, x_row, w_row)
    extent = _range(data, KIND, FLAT, BLOCK)
    pieces = _sums(data, extent, KIND, FLAT, BLOCK)
    sums = (pieces[0] + pieces[1], pieces[2] + pieces[3], pieces[4] + pieces[5])
    mean, rstd = _moments(extent, sums, EPS, KIND)
    tl.store(moments_ptr, mean)
    tl.store(moments_ptr + 1, rstd)
    if WRITE:
        _store(data, out_ptr, out_row, mean, rstd, KIND, FLAT, BLOCK)


@triton.jit
def range_kernel(
    x_ptr, w_ptr, partial_ptr, n, width, x_row, w_row,
    KIND: tl.constexpr, FLAT: tl.constexpr, BLOCK: tl.constexpr, PROGRAMS: tl.constexpr,
):  # fmt: skip
    """The range of each program's share."""
    extent = _range((x_ptr, w_ptr, n, width, x_row, w_row), KIND, FLAT, BLOCK)
    at = partial_ptr + tl.program_id(0)
    for k in tl.static_range(4):
        tl.store(at + k * PROGRAMS, extent[k])


@triton.jit
def _full_range(partial_ptr, programs, PROGRAMS: tl.constexpr):
    """The range of all shares."""
    k = tl.arange(0, PROGRAMS)
    at, inside = partial_ptr + k, k < programs
    count = tl.sum(tl.load(at, mask=inside, other=0.0), 0)
    low = tl.min(tl.load(at + PROGRAMS, mask=inside, other=float("inf")), 0)
    high = tl.max(tl.load(at + 2 * PROGRAMS, mask=inside, other=float("-inf")), 0)
    return count, low, high, tl.max(tl.load(at + 3 * PROGRAMS, mask=inside, other=0.0), 0)


@triton.jit
def sums_kernel(
    x_ptr, w_ptr, partial_ptr, n, width, x_row, w_row,
    KIND: tl.constexpr, FLAT: tl.constexpr, BLOCK: tl.constexpr, PROGRAMS: tl.constexpr,
):  # fmt: skip
    """The sums of each program's share, from the range of all shares."""
    extent = _full_range(partial_ptr, tl.num_programs(0), PROGRAMS)
    sums = _sums((x_ptr, w_ptr, n, width, x_row, w_row), extent, KIND, FLAT, BLOCK)
    at = partial_ptr + tl.program_id(0)
    for k in tl.static_range(6):
        tl.store(at + (4 + k) * PROGRAMS, sums[k])


@triton.jit
def _full_sum(partial_ptr, programs, k, PROGRAMS: tl.constexpr):
    """Sum number k over all shares, coarse and fine pieces together."""
    lane = tl.arange(0, PROGRAMS)
    at, inside = partial_ptr + (4 + 2 * k) * PROGRAMS + lane, lane < programs
    coarse = tl.sum(tl.load(at, mask=inside, other=0.0), 0)
    return coarse + tl.sum(tl.load(at + PROGRAMS, mask=inside, other=0.0), 0)


@triton.jit
def whiten_kernel(
    x_ptr, w_ptr, out_ptr, moments_ptr, partial_ptr, programs, n, width, x_row, w_row, out_row,
    EPS: tl.constexpr, WRITE: tl.constexpr,
    KIND: tl.constexpr, FLAT: tl.constexpr, BLOCK: tl.constexpr, PROGRAMS: tl.constexpr,
):  # fmt: skip
    """The moments, in every program, and the whitened values of its share."""
    extent = _full_range(partial_ptr, programs, PROGRAMS)
    weight_sum = _full_sum(partial_ptr, programs, 0, PROGRAMS)
    value_sum = _full_sum(partial_ptr, programs, 1, PROGRAMS)
    square_sum = _full_sum(partial_ptr, programs, 2, PROGRAMS)
    mean, rstd = _moments(extent, (weight_sum, value_sum, square_sum), EPS, KIND)
    if tl.program_id(0) == 0:
        tl.store(moments_ptr, mean)
        tl.store(moments_ptr + 1, rstd)
    if WRITE:
        data = (x_ptr, w_ptr, n, width, x_row, w_row)
        _store(data, out_ptr, out_row, mean, rstd, KIND, FLAT, BLOCK)
