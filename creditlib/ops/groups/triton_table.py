"""Statistics by group in time linear in the values: a table of ids, sums by atomic additions.

Three launches. `insert_kernel` finds for each value the owner of its group, which is one of the
values with its ids, how many values the group has and their extremes. `add_kernel` sums distances
to the smallest value, cut as in `triton_precision`: additions round nothing, so their order changes
no bit. `finish_kernel` computes the results. Which value becomes an owner changes no result.
"""

# pyright: basic

from __future__ import annotations

import triton
import triton.language as tl

from creditlib.ops.backend.triton_precision import cut, reach
from creditlib.ops.groups.triton_kernel import group_unit, load_values, regularize

__all__ = ["EMPTY", "LEAST", "add_kernel", "finish_kernel", "insert_kernel"]

# A slot without an owner; two of them are as int64 below every number that stands for a value.
EMPTY = tl.constexpr(-(2**31))
LEAST = -(2**63) + 2**31


@triton.jit
def _ordered(x):
    """Integers in the order of float64 values."""
    found = x.to(tl.int64, bitcast=True)
    return found ^ ((found >> 63) & 0x7FFFFFFFFFFFFFFF)


@triton.jit
def _value(found):
    """The float64 value that an integer stands for."""
    return (found ^ ((found >> 63) & 0x7FFFFFFFFFFFFFFF)).to(tl.float64, bitcast=True)


@triton.jit
def _taken(where_ptr, i, n, width, where_row, where_col):
    """Which values take part; all of them without `where`."""
    taken = i < n
    if where_ptr is not None:
        taken = taken & (load_values(where_ptr, i, n, width, where_row, where_col) != 0)
    return taken


@triton.jit
def _mixed(first, second):
    """The finaliser of MurmurHash3: every bit of both ids reaches the low bits."""
    found = first.to(tl.uint64) * 0x9E3779B97F4A7C15 + second.to(tl.uint64)
    found = (found ^ (found >> 33)) * 0xFF51AFD7ED558CCD
    found = (found ^ (found >> 33)) * 0xC4CEB9FE1A85EC53
    return (found ^ (found >> 33)).to(tl.int64)


@triton.jit
def _add(at_ptr, owner, x, taken, same, one):
    """Add to the sum of each owner; of a block of one group once. Returns what was added."""
    if same:
        tl.atomic_add(at_ptr + one, tl.sum(tl.where(taken, x, x * 0), 0), sem="relaxed")
    else:
        tl.atomic_add(at_ptr + owner, x, mask=taken, sem="relaxed")
    return x


@triton.jit
def _raise(at_ptr, owner, x, taken, same, one):
    """Let the number of each owner be at least x. Returns x."""
    if same:
        most = tl.max(tl.where(taken, x, -0x7FFFFFFFFFFFFFFF), 0)
        tl.atomic_max(at_ptr + one, most, sem="relaxed")
    else:
        tl.atomic_max(at_ptr + owner, x, mask=taken, sem="relaxed")
    return x


@triton.jit
def _one_group(owner, taken):
    """(whether the taken values of a block are of one group, its owner)."""
    one = tl.max(tl.where(taken, owner, -1), 0)
    return (tl.max(((owner != one) & taken).to(tl.int32), 0) == 0) & (one >= 0), one


@triton.jit
def insert_kernel(
    x_ptr, where_ptr, first_ptr, second_ptr, weight_ptr, slot_ptr, owner_ptr, count_ptr, edge_ptr,
    n, width, slots,
    x_row, x_col, where_row, where_col, first_row, first_col, second_row, second_col,
    weight_row, weight_col,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """The owner of each value's ids; the count, the extremes, the largest weight of each owner."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    taken = _taken(where_ptr, i, n, width, where_row, where_col)
    first = tl.zeros([BLOCK], tl.int64)
    second = first
    if first_ptr is not None:
        first = load_values(first_ptr, i, n, width, first_row, first_col).to(tl.int64)
    if second_ptr is not None:
        second = load_values(second_ptr, i, n, width, second_row, second_col).to(tl.int64)
    slot = (_mixed(first, second) & (slots - 1)).to(tl.int32)
    owner, looking = i, taken
    while tl.max(looking.to(tl.int32), 0) > 0:
        # Values that are done look at a place of their own behind the table, and take nothing.
        at = tl.where(looking, slot, slots + tl.arange(0, BLOCK))
        found = tl.atomic_cas(slot_ptr + at, tl.where(looking, EMPTY, 0), i, sem="relaxed")
        who = tl.where(found == EMPTY, i, found)
        fits = looking
        if first_ptr is not None:
            other = load_values(first_ptr, who, n, width, first_row, first_col)
            fits = fits & (other.to(tl.int64) == first)
        if second_ptr is not None:
            other = load_values(second_ptr, who, n, width, second_row, second_col)
            fits = fits & (other.to(tl.int64) == second)
        owner = tl.where(fits, who, owner)
        looking = looking & (fits == 0)
        slot = (slot + 1) & (slots - 1)
    tl.store(owner_ptr + i, owner, mask=i < n)
    same, one = _one_group(owner, taken)
    _add(count_ptr, owner, taken.to(tl.int64), taken, same, one)
    if x_ptr is not None:
        x = load_values(x_ptr, i, n, width, x_row, x_col).to(tl.float64)
        _raise(edge_ptr, owner, _ordered(-x), taken, same, one)
        _raise(edge_ptr + n, owner, _ordered(x), taken, same, one)
        if weight_ptr is not None:
            weight = load_values(weight_ptr, i, n, width, weight_row, weight_col)
            weight = tl.abs(weight.to(tl.float64))
            _raise(edge_ptr + 2 * n, owner, _ordered(weight), taken, same, one)


@triton.jit
def _extent(count_ptr, edge_ptr, owner, taken, n, WEIGHTED: tl.constexpr):
    """(count, smallest value, largest value, largest weight) of each value's group."""
    count = tl.load(count_ptr + owner, mask=taken, other=0).to(tl.float64)
    low = -_value(tl.load(edge_ptr + owner, mask=taken, other=0))
    high = _value(tl.load(edge_ptr + n + owner, mask=taken, other=0))
    top = count * 0 + 1
    if WEIGHTED:
        top = _value(tl.load(edge_ptr + 2 * n + owner, mask=taken, other=0))
    return count, low, high, top


@triton.jit
def _terms(
    x_ptr, weight_ptr, i, n, width, x_row, x_col, weight_row, weight_col, extent, taken
):  # fmt: skip
    """(weight, its pieces, distance to the smallest value, pieces of weight · distance)."""
    count, low, high, top = extent
    x = load_values(x_ptr, i, n, width, x_row, x_col).to(tl.float64)
    shifted = tl.where(taken, x - low, 0.0)
    weight = count * 0 + 1
    heavy, light = weight, weight * 0
    if weight_ptr is not None:
        weight = load_values(weight_ptr, i, n, width, weight_row, weight_col).to(tl.float64)
        weight = tl.where(taken, weight, 0.0)
        heavy, light = cut(weight, reach(top, count), count)
    coarse, fine = cut(weight * shifted, reach(top * (high - low), count), count)
    return x, shifted, heavy, light, coarse, fine


@triton.jit
def add_kernel(
    x_ptr, where_ptr, weight_ptr, owner_ptr, part_ptr, count_ptr, edge_ptr, sum_ptr, n, width,
    x_row, x_col, where_row, where_col, weight_row, weight_col,
    SQUARES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Sums of each owner: pieces of w s and w, s and s²; then pieces of w s and w of its parts."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    taken = _taken(where_ptr, i, n, width, where_row, where_col)
    owner = tl.load(owner_ptr + i, mask=taken, other=0)
    extent = _extent(count_ptr, edge_ptr, owner, taken, n, weight_ptr is not None)
    _, shifted, heavy, light, coarse, fine = _terms(
        x_ptr, weight_ptr, i, n, width, x_row, x_col, weight_row, weight_col, extent, taken
    )
    count, low, high, _ = extent
    same, one = _one_group(owner, taken)
    _add(sum_ptr, owner, coarse, taken, same, one)
    _add(sum_ptr + n, owner, fine, taken, same, one)
    if weight_ptr is not None:
        _add(sum_ptr + 2 * n, owner, heavy, taken, same, one)
        _add(sum_ptr + 3 * n, owner, light, taken, same, one)
    if part_ptr is not None:
        part = tl.load(part_ptr + i, mask=taken, other=0)
        alike, only = _one_group(part, taken)
        _add(sum_ptr + 8 * n, part, coarse, taken, alike, only)
        _add(sum_ptr + 9 * n, part, fine, taken, alike, only)
        if weight_ptr is not None:
            _add(sum_ptr + 10 * n, part, heavy, taken, alike, only)
            _add(sum_ptr + 11 * n, part, light, taken, alike, only)
    if SQUARES:
        span = high - low
        if weight_ptr is not None:
            coarse, fine = cut(shifted, reach(span, count), count)
            _add(sum_ptr + 4 * n, owner, coarse, taken, same, one)
            _add(sum_ptr + 5 * n, owner, fine, taken, same, one)
        coarse, fine = cut(shifted * shifted, reach(span * span, count), count)
        _add(sum_ptr + 6 * n, owner, coarse, taken, same, one)
        _add(sum_ptr + 7 * n, owner, fine, taken, same, one)


@triton.jit
def _sum(sum_ptr, owner, taken, n):
    """Both pieces of a sum."""
    return (
        tl.load(sum_ptr + owner, mask=taken, other=0.0),
        tl.load(sum_ptr + n + owner, mask=taken, other=0.0),
    )


@triton.jit
def finish_kernel(
    x_ptr, where_ptr, weight_ptr, otherwise_ptr, owner_ptr, part_ptr, count_ptr, part_count_ptr,
    edge_ptr, sum_ptr, out_ptr, n, width,
    x_row, x_col, where_row, where_col, weight_row, weight_col, otherwise_row, otherwise_col,
    CENTER: tl.constexpr, SCALE: tl.constexpr, DDOF: tl.constexpr,
    EPS: tl.constexpr, EPS_AT: tl.constexpr, VARIANCE_EPS: tl.constexpr, LONE: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Each value relative to its group, from the sums of its owner."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    taken = _taken(where_ptr, i, n, width, where_row, where_col)
    owner = tl.load(owner_ptr + i, mask=taken, other=0)
    extent = _extent(count_ptr, edge_ptr, owner, taken, n, weight_ptr is not None)
    count, low = extent[0], extent[1]
    x, _, heavy, light, coarse, fine = _terms(
        x_ptr, weight_ptr, i, n, width, x_row, x_col, weight_row, weight_col, extent, taken
    )
    pull, pull_fine = _sum(sum_ptr, owner, taken, n)
    mass, mass_fine = count, count * 0
    if weight_ptr is not None:
        mass, mass_fine = _sum(sum_ptr + 2 * n, owner, taken, n)
    total = pull + pull_fine
    # Pieces of one kind are subtracted without rounding, as they are added.
    if CENTER == "leave_one_out":
        pull, pull_fine = pull - coarse, pull_fine - fine
        mass, mass_fine = mass - heavy, mass_fine - light
    elif part_ptr is not None:
        part = tl.load(part_ptr + i, mask=taken, other=0)
        coarse, fine = _sum(sum_ptr + 8 * n, part, taken, n)
        pull, pull_fine = pull - coarse, pull_fine - fine
        heavy, light = tl.load(part_count_ptr + part, mask=taken, other=0).to(tl.float64), light * 0
        if weight_ptr is not None:
            heavy, light = _sum(sum_ptr + 10 * n, part, taken, n)
        mass, mass_fine = mass - heavy, mass_fine - light
    mass, pull = mass + mass_fine, pull + pull_fine
    compared = taken & (mass > 0)
    result = tl.where(taken, x, 0.0)
    if CENTER is not None:
        result = tl.where(compared, (x - low) - pull / tl.where(compared, mass, 1.0), 0.0)
    alone = taken & (count == 1) & (LONE is not None)
    result = tl.where(alone, x if LONE == "raw" else x * 0, result)
    if SCALE is not None:
        if weight_ptr is not None:
            total, square = _sum(sum_ptr + 4 * n, owner, taken, n)
            total += square
        square, square_fine = _sum(sum_ptr + 6 * n, owner, taken, n)
        unit = group_unit(count, low, total, square + square_fine, alone, SCALE, DDOF, VARIANCE_EPS)
        divisor = regularize(unit, EPS, EPS_AT)
        divisible = (unit != 0) & (divisor != 0)
        result = tl.where(divisible, result / tl.where(divisible, divisor, 1.0), 0.0)
    if otherwise_ptr is not None:
        fallback = load_values(otherwise_ptr, i, n, width, otherwise_row, otherwise_col)
        result = tl.where(compared, result, fallback.to(tl.float64))
    tl.store(out_ptr + i, result.to(out_ptr.dtype.element_ty), mask=i < n)
