"""The kernels of whitening: the range of the values, their sums, their moments, the result.

`one_program` does all of it for few values. For many, `range_kernel`, `sums_kernel` and
`whiten_kernel` follow one another, and each of their programs takes a share of the values.
"""

# pyright: basic

from __future__ import annotations

import triton
import triton.language as tl

from creditlib.ops.backend.triton_precision import cut, reach

__all__ = [
    "FACTOR", "MASK", "TURN", "one_program", "range_kernel", "sums_kernel", "whiten_kernel",
]  # fmt: skip

# What a weight is: a factor, a mask, or the turn of a token (-1: the policy did not write it).
FACTOR, MASK, TURN = tl.constexpr(0), tl.constexpr(1), tl.constexpr(2)


@triton.jit
def _position(i, width, row, FLAT: tl.constexpr):
    """The position of the value numbered i, in rows of `width` values that start `row` apart."""
    return i if FLAT else (i // width) * row + i % width


@triton.jit
def _load(data, i, KIND: tl.constexpr, FLAT: tl.constexpr):
    """(x, weight, counts) in float64; x has no meaning where `counts` is False."""
    x_ptr, w_ptr, n, width, x_row, w_row = data
    weight = tl.load(w_ptr + _position(i, width, w_row, FLAT), mask=i < n, other=0)
    counts = (i < n) & (weight >= 0 if KIND == TURN else weight > 0)
    # Values that do not count are loaded too: a mask that varies by value would split the load.
    x = tl.load(x_ptr + _position(i, width, x_row, FLAT), mask=i < n, other=0.0).to(tl.float64)
    row_weight = weight.to(tl.float64) if KIND == FACTOR else tl.full(i.shape, 1.0, tl.float64)
    return x, tl.where(counts, row_weight, 0.0), counts


@triton.jit
def _share(BLOCK: tl.constexpr):
    """(start of the first block of the program, distance of its blocks)."""
    return tl.program_id(0).to(tl.int64) * BLOCK, tl.num_programs(0).to(tl.int64) * BLOCK


@triton.jit
def _range(data, KIND: tl.constexpr, FLAT: tl.constexpr, BLOCK: tl.constexpr):
    """(count, lowest, highest, largest weight) of the program's share."""
    first, step = _share(BLOCK)
    number = tl.zeros([BLOCK], tl.int32)
    low = tl.full([BLOCK], float("inf"), tl.float64)
    high = tl.full([BLOCK], float("-inf"), tl.float64)
    top = tl.zeros([BLOCK], tl.float64)
    while first < data[2]:
        i = tl.multiple_of(first, BLOCK) + tl.arange(0, BLOCK)
        x, weight, counts = _load(data, i, KIND, FLAT)
        number += counts.to(tl.int32)
        low = tl.minimum(low, tl.where(counts, x, float("inf")))
        high = tl.maximum(high, tl.where(counts, x, float("-inf")))
        top = tl.maximum(top, weight)
        first += step
    count = tl.sum(number.to(tl.float64), 0)
    return count, tl.min(low, 0), tl.max(high, 0), tl.max(top, 0)


@triton.jit
def _sums(data, extent, KIND: tl.constexpr, FLAT: tl.constexpr, BLOCK: tl.constexpr):
    """Σ w, Σ w s and Σ w s² of s = x − lowest, each in two exact pieces."""
    first, step = _share(BLOCK)
    count, low, high, top = extent
    span = tl.where(count > 0, high - low, 0.0)
    weight_bound, value_bound = reach(top, count), reach(top * span, count)
    square_bound = reach(top * span * span, count)
    weight_sum, weight_fine = tl.zeros([BLOCK], tl.float64), tl.zeros([BLOCK], tl.float64)
    value_sum, value_fine = tl.zeros([BLOCK], tl.float64), tl.zeros([BLOCK], tl.float64)
    square_sum, square_fine = tl.zeros([BLOCK], tl.float64), tl.zeros([BLOCK], tl.float64)
    while first < data[2]:
        i = tl.multiple_of(first, BLOCK) + tl.arange(0, BLOCK)
        x, weight, counts = _load(data, i, KIND, FLAT)
        shifted = tl.where(counts, x - low, 0.0)
        if KIND == FACTOR:
            coarse, fine = cut(weight, weight_bound, count)
            weight_sum, weight_fine = weight_sum + coarse, weight_fine + fine
        coarse, fine = cut(weight * shifted, value_bound, count)
        value_sum, value_fine = value_sum + coarse, value_fine + fine
        coarse, fine = cut(weight * shifted * shifted, square_bound, count)
        square_sum, square_fine = square_sum + coarse, square_fine + fine
        first += step
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
    """Store the whitened values of the program's share, 0 for values that do not count."""
    first, step = _share(BLOCK)
    while first < data[2]:
        i = tl.multiple_of(first, BLOCK) + tl.arange(0, BLOCK)
        x, _weight, counts = _load(data, i, KIND, FLAT)
        result = tl.where(counts, (x - mean) * rstd, 0.0).to(out_ptr.dtype.element_ty)
        tl.store(out_ptr + _position(i, data[3], out_row, FLAT), result, mask=i < data[2])
        first += step


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
