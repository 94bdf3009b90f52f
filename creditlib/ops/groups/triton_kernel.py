"""The kernel of `relative`: a program compares a few rows with all rows, tile by tile."""

# pyright: basic

from __future__ import annotations

import triton
import triton.language as tl

from creditlib.ops.backend.triton_precision import cut, reach

__all__ = ["relative_kernel"]


@triton.jit
def load_values(ptr, i, n, width, row, col):
    """Load the values numbered i of a tensor [rows, width]; a stride may be 0."""
    at = (i // width).to(tl.int64) * row + (i % width).to(tl.int64) * col
    return tl.load(ptr + at, mask=i < n, other=0)


@triton.jit
def load_ids(ids, i, n, width):
    """Load (selected, first key, second key, part) of each row i; a missing id is i itself."""
    where_ptr, first_ptr, second_ptr, leave_out_ptr, strides = ids
    selected = i < n
    if where_ptr is not None:
        selected = selected & (load_values(where_ptr, i, n, width, strides[0], strides[1]) != 0)
    first, second, part = i, i, i
    if first_ptr is not None:
        first = load_values(first_ptr, i, n, width, strides[2], strides[3])
    if second_ptr is not None:
        second = load_values(second_ptr, i, n, width, strides[4], strides[5])
    if leave_out_ptr is not None:
        part = load_values(leave_out_ptr, i, n, width, strides[6], strides[7])
    return selected, first, second, part


@triton.jit
def _same_group(ids, own, i, j, n, width, OTHERS: tl.constexpr):
    """(same, compared, any) for rows i against rows j.

    same[i, j]: row j is selected and in the group of row i. compared[i, j]: and compared with it,
    with OTHERS only if it is of another part. any: whether any row is the same.
    """
    other = load_ids(ids, j, n, width)
    same = other[0][None, :] & (i < n)[:, None]
    if ids[1] is not None:
        same = same & (own[1][:, None] == other[1][None, :])
    if ids[2] is not None:
        same = same & (own[2][:, None] == other[2][None, :])
    compared = same
    if OTHERS:
        compared = same & (own[3][:, None] != other[3][None, :])
    return same, compared, tl.max(tl.max(same.to(tl.int32), 1), 0) > 0


@triton.jit
def group_range(
    values, ids, own, i, n, width,
    OTHERS: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """(rows, compared rows, smallest value, largest value, largest weight) of each row's group."""
    x_ptr, weight_ptr, x_row, x_col, w_row, w_col = values
    count, compared_count = tl.zeros([ROWS, COLS], tl.int32), tl.zeros([ROWS, COLS], tl.int32)
    low = tl.full([ROWS, COLS], float("inf"), tl.float64)
    high = tl.full([ROWS, COLS], float("-inf"), tl.float64)
    top = tl.zeros([ROWS, COLS], tl.float64)
    first = 0
    while first < n:
        j = first + tl.arange(0, COLS)
        same, compared, any_same = _same_group(ids, own, i, j, n, width, OTHERS)
        if any_same:
            x = load_values(x_ptr, j, n, width, x_row, x_col).to(tl.float64)[None, :]
            count += same.to(tl.int32)
            compared_count += compared.to(tl.int32)
            low = tl.minimum(low, tl.where(same, x, float("inf")))
            high = tl.maximum(high, tl.where(same, x, float("-inf")))
            if weight_ptr is not None:
                weight = load_values(weight_ptr, j, n, width, w_row, w_col).to(tl.float64)[None, :]
                top = tl.maximum(top, tl.where(same, tl.abs(weight), 0.0))
        first += COLS
    top = tl.max(top, 1)
    if weight_ptr is None:
        top = top * 0 + 1
    count = tl.sum(count, 1).to(tl.float64)
    return count, tl.sum(compared_count, 1).to(tl.float64), tl.min(low, 1), tl.max(high, 1), top


@triton.jit
def group_sums(
    values, ids, own, i, extent, n, width,
    OTHERS: tl.constexpr, WITH_SQUARES: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """(Σ w, Σ w s) over the compared rows and (Σ s, Σ s²) over the group; s = x − smallest value.

    WITH_SQUARES: the last two are needed.
    """
    x_ptr, weight_ptr, x_row, x_col, w_row, w_col = values
    count, compared_count, low, high, top = extent
    span = tl.where(count > 0, high - low, 0.0)
    shifted_bound, square_bound = reach(span, count)[:, None], reach(span * span, count)[:, None]
    weight_bound, weighted_bound = reach(top, count)[:, None], reach(top * span, count)[:, None]
    terms = count[:, None]
    weight_sum, weight_fine = tl.zeros([ROWS, COLS], tl.float64), tl.zeros([ROWS, COLS], tl.float64)
    value_sum, value_fine = tl.zeros([ROWS, COLS], tl.float64), tl.zeros([ROWS, COLS], tl.float64)
    total, total_fine = tl.zeros([ROWS, COLS], tl.float64), tl.zeros([ROWS, COLS], tl.float64)
    square, square_fine = tl.zeros([ROWS, COLS], tl.float64), tl.zeros([ROWS, COLS], tl.float64)
    first = 0
    while first < n:
        j = first + tl.arange(0, COLS)
        same, compared, any_same = _same_group(ids, own, i, j, n, width, OTHERS)
        if any_same:
            x = load_values(x_ptr, j, n, width, x_row, x_col).to(tl.float64)[None, :]
            shifted = tl.where(same, x - low[:, None], 0.0)
            weighted = tl.where(compared, shifted, 0.0)
            if weight_ptr is not None:
                weight = load_values(weight_ptr, j, n, width, w_row, w_col).to(tl.float64)[None, :]
                weight = tl.where(compared, weight, 0.0)
                weighted = weight * shifted
                coarse, fine = cut(weight, weight_bound, terms)
                weight_sum, weight_fine = weight_sum + coarse, weight_fine + fine
            coarse, fine = cut(weighted, weighted_bound, terms)
            value_sum, value_fine = value_sum + coarse, value_fine + fine
            if WITH_SQUARES:
                coarse, fine = cut(shifted * shifted, square_bound, terms)
                square, square_fine = square + coarse, square_fine + fine
                if OTHERS or weight_ptr is not None:
                    coarse, fine = cut(shifted, shifted_bound, terms)
                    total, total_fine = total + coarse, total_fine + fine
        first += COLS
    weight_sum = tl.sum(weight_sum, 1) + tl.sum(weight_fine, 1)
    value_sum = tl.sum(value_sum, 1) + tl.sum(value_fine, 1)
    total = tl.sum(total, 1) + tl.sum(total_fine, 1)
    if weight_ptr is None:
        weight_sum = compared_count
        if not OTHERS:
            total = value_sum
    return weight_sum, value_sum, total, tl.sum(square, 1) + tl.sum(square_fine, 1)


@triton.jit
def group_unit(
    count, low, total, square, alone,
    SCALE: tl.constexpr, DDOF: tl.constexpr, VARIANCE_EPS: tl.constexpr,
):  # fmt: skip
    """The scale of each group: its standard deviation or its mean; 1 for a row that is alone."""
    mean = total / tl.maximum(count, 1.0)
    unit = tl.where(count > 0, low + mean, 0.0)
    if SCALE == "std":
        # One of the shifted values is 0, so the difference loses at most log2(count) binary digits.
        rest = square - mean * total
        free = count - DDOF
        variance = tl.where(free > 0, rest / tl.where(free > 0, free, 1.0), 0.0)
        unit = tl.sqrt(tl.where(variance < 0, 0.0, variance))
    if VARIANCE_EPS != 0:
        unit = tl.sqrt(unit * unit + tl.full((), VARIANCE_EPS, tl.float64))
    return tl.where(alone, 1.0, unit)


@triton.jit
def regularize(unit, EPS: tl.constexpr, EPS_AT: tl.constexpr):
    """The divisor: `reference.regularize` of a scale."""
    eps = tl.full((), EPS, tl.float64)
    if EPS_AT == "variance":
        unit = tl.sqrt(unit * unit + eps)
    elif EPS_AT == "floor":
        unit = tl.where(unit < eps, eps, unit)
    else:
        unit = unit + eps
    return unit


@triton.jit
def relative_kernel(
    x_ptr, where_ptr, first_ptr, second_ptr, leave_out_ptr, weight_ptr, otherwise_ptr, out_ptr,
    n, width,
    x_row, x_col, where_row, where_col, first_row, first_col, second_row, second_col,
    leave_out_row, leave_out_col, weight_row, weight_col, otherwise_row, otherwise_col,
    CENTER: tl.constexpr, OTHERS: tl.constexpr, SCALE: tl.constexpr, DDOF: tl.constexpr,
    EPS: tl.constexpr, EPS_AT: tl.constexpr, VARIANCE_EPS: tl.constexpr, LONE: tl.constexpr,
    ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """The values of ROWS rows relative to their groups; a program compares them with all rows."""
    i = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    strides = (
        where_row, where_col, first_row, first_col, second_row, second_col,
        leave_out_row, leave_out_col,
    )  # fmt: skip
    ids = (where_ptr, first_ptr, second_ptr, leave_out_ptr, strides)
    own = load_ids(ids, i, n, width)
    values = (x_ptr, weight_ptr, x_row, x_col, weight_row, weight_col)
    extent = group_range(values, ids, own, i, n, width, OTHERS, ROWS, COLS)
    weight_sum, value_sum, total, square = group_sums(
        values, ids, own, i, extent, n, width, OTHERS, SCALE is not None, ROWS, COLS
    )
    count, low = extent[0], extent[2]
    selected = own[0]
    x = load_values(x_ptr, i, n, width, x_row, x_col).to(tl.float64)
    result = tl.where(selected, x, 0.0)
    if CENTER is not None:
        centered = (x - low) - value_sum / tl.where(weight_sum > 0, weight_sum, 1.0)
        result = tl.where(selected & (weight_sum > 0), centered, 0.0)
    alone = selected & (count == 1) & (LONE is not None)
    result = tl.where(alone, x if LONE == "raw" else tl.zeros([ROWS], tl.float64), result)
    if SCALE is not None:
        unit = group_unit(count, low, total, square, alone, SCALE, DDOF, VARIANCE_EPS)
        divisor = regularize(unit, EPS, EPS_AT)
        divisible = (unit != 0) & (divisor != 0)
        result = tl.where(divisible, result / tl.where(divisible, divisor, 1.0), 0.0)
    if otherwise_ptr is not None:
        fallback = load_values(otherwise_ptr, i, n, width, otherwise_row, otherwise_col)
        fallback = fallback.to(tl.float64)
        result = tl.where(selected & (weight_sum > 0), result, fallback)
    tl.store(out_ptr + i, result, mask=i < n)
