"""The kernels of min-form credit: what a group has to know of each row, then the credit of a row.

Sums are cut as in `triton_precision`: neither order, padding nor the size of a tile changes a bit.
"""

# pyright: basic, reportAssignmentType=false

from __future__ import annotations

import triton
import triton.language as tl

from creditlib.ops.backend.triton_precision import cut, reach

__all__ = ["credit_kernel", "returns_kernel", "row_kernel"]


@triton.jit
def _smaller(value, own):
    """The smaller one; NaN if `own` is NaN."""
    return tl.where((own < value) | (own != own), own, value)


@triton.jit
def _sum(x, bound, count):
    """The sum of a tile of at most `count` terms up to `bound`, the same bits in any order."""
    coarse, fine = cut(x, reach(bound, count), count)
    return tl.sum(coarse, 0) + tl.sum(fine, 0)


@triton.jit
def _to_end(x, where, count):
    """The sum of each value and those after it."""
    bound = tl.max(tl.where(where, tl.abs(x), 0.0), 0)
    coarse, fine = cut(tl.where(where, x, 0.0), reach(bound, count), count)
    return tl.cumsum(coarse, 0, reverse=True) + tl.cumsum(fine, 0, reverse=True)


@triton.jit
def _row(score_ptr, count_ptr, valid_ptr, row, score_row, width, TURNS: tl.constexpr):
    """(scores, which of them take part, how many) of a row."""
    count = tl.minimum(tl.load(count_ptr + row), width).to(tl.int32)
    if valid_ptr is not None:
        count = tl.where(tl.load(valid_ptr + row) != 0, count, 0)
    count = tl.maximum(count, 0)
    turn = tl.arange(0, TURNS)
    where = turn < count
    score = tl.load(score_ptr + row * score_row + turn, mask=where, other=0.0)
    return score.to(tl.float64), where, count.to(tl.float64)


@triton.jit
def _steps(score, where, count, temperature, FORM: tl.constexpr):
    """`reference.min_steps` of a row, or its running minimum; 0 elsewhere."""
    selected = tl.where(where, score, float("inf"))
    if FORM == "suffix_min":
        steps = tl.associative_scan(selected, 0, _smaller, reverse=True)
    else:
        low = tl.min(selected, 0)
        # The smallest of values with a NaN is NaN.
        low = tl.where(tl.max((selected != selected).to(tl.int32), 0) > 0, float("nan"), low)
        if FORM == "softmin":
            power = tl.where(where, tl.exp((low - score) / temperature), 0.0)
            total = _sum(power, 1.0, count)
            steps = power / tl.where(total < 2.0**-1022, 2.0**-1022, total) * score
        else:
            at = where & (score == low)
            ties = tl.maximum(tl.sum(at.to(tl.int32), 0), 1).to(tl.float64)
            steps = tl.where(at, 1.0 / ties, 0.0) * score
    return tl.where(where, steps, 0.0)


@triton.jit
def returns_kernel(
    score_ptr, count_ptr, valid_ptr, out_ptr, width, score_row, temperature: tl.float64,
    FORM: tl.constexpr, TURNS: tl.constexpr,
):  # fmt: skip
    """The sums of the steps of a row to its end."""
    row = tl.program_id(0).to(tl.int64)
    score, where, count = _row(score_ptr, count_ptr, valid_ptr, row, score_row, width, TURNS)
    result = _to_end(_steps(score, where, count, temperature, FORM), where, count)
    turn = tl.arange(0, TURNS)
    result = tl.where(where, result, 0.0).to(out_ptr.dtype.element_ty)
    tl.store(out_ptr + row * width + turn, result, mask=turn < width)


@triton.jit
def _units(unit_ptr, row, unit_row, where, TURNS: tl.constexpr):
    """How much each turn counts in a baseline."""
    unit = where.to(tl.float64)
    if unit_ptr is not None:
        at = unit_ptr + row * unit_row + tl.arange(0, TURNS)
        unit = tl.load(at, mask=where, other=0).to(tl.float64)
    return unit


@triton.jit
def row_kernel(
    score_ptr, count_ptr, valid_ptr, unit_ptr, length_ptr, kept_ptr,
    rows, width, score_row, unit_row, temperature: tl.float64,
    FORM: tl.constexpr, TURNS: tl.constexpr,
):  # fmt: skip
    """kept[0:3, row]: what a unit of the row earns, how many units it has, its mean step."""
    row = tl.program_id(0).to(tl.int64)
    score, where, count = _row(score_ptr, count_ptr, valid_ptr, row, score_row, width, TURNS)
    steps = _steps(score, where, count, temperature, FORM)
    unit = _units(unit_ptr, row, unit_row, where, TURNS)
    size = _sum(unit, tl.max(tl.abs(unit), 0), count)
    low = tl.min(tl.where(where, steps, float("inf")), 0)
    low = tl.where(count > 0, low, 0.0)
    above = tl.where(where, steps - low, 0.0)
    if FORM == "suffix_min":
        above = above * unit
        mean = low + _sum(above, tl.max(above, 0), count) / tl.where(size != 0, size, 1.0)
        earned = mean
    else:
        mean = low + _sum(above, tl.max(above, 0), count) / tl.maximum(count, 1.0)
        earned = mean
        if unit_ptr is None:
            size = tl.where(count > 0, 1.0, 0.0)
        else:
            if length_ptr is not None:
                size = tl.load(length_ptr + row).to(tl.float64)
            earned = mean * count / tl.where(size > 0, size, 1.0)
    tl.store(kept_ptr + row, earned)
    tl.store(kept_ptr + rows + row, size)
    tl.store(kept_ptr + 2 * rows + row, mean)


@triton.jit
def _same(valid_ptr, group_ptr, own, j, rows):
    """Which rows j take part and are of the group."""
    same = (j < rows) & (tl.load(group_ptr + j, mask=j < rows, other=0) == own)
    if valid_ptr is not None:
        same = same & (tl.load(valid_ptr + j, mask=j < rows, other=0) != 0)
    return same


@triton.jit
def _extent(valid_ptr, group_ptr, kept_ptr, reward_ptr, own, rows, COLS: tl.constexpr):
    """(members, peers, extremes of what they earn, largest size, extremes of rewards)."""
    members, peers = tl.zeros([COLS], tl.int32), tl.zeros([COLS], tl.int32)
    low = tl.full([COLS], float("inf"), tl.float64)
    high = tl.full([COLS], float("-inf"), tl.float64)
    top = tl.zeros([COLS], tl.float64)
    reward_low, reward_high = low, high
    first = 0
    while first < rows:
        j = first + tl.arange(0, COLS)
        same = _same(valid_ptr, group_ptr, own, j, rows)
        size = tl.load(kept_ptr + rows + j, mask=same, other=0.0)
        counted = same & (size > 0)
        members += same.to(tl.int32)
        peers += counted.to(tl.int32)
        earned = tl.load(kept_ptr + j, mask=counted, other=0.0)
        low = tl.where(counted, tl.minimum(low, earned), low)
        high = tl.where(counted, tl.maximum(high, earned), high)
        top = tl.maximum(top, size)
        if reward_ptr is not None:
            reward = tl.load(reward_ptr + j, mask=same, other=0.0).to(tl.float64)
            reward_low = tl.where(same, tl.minimum(reward_low, reward), reward_low)
            reward_high = tl.where(same, tl.maximum(reward_high, reward), reward_high)
        first += COLS
    return (
        tl.sum(members, 0).to(tl.float64), tl.sum(peers, 0).to(tl.float64),
        tl.min(low, 0), tl.max(high, 0), tl.max(top, 0),
        tl.min(reward_low, 0), tl.max(reward_high, 0),
    )  # fmt: skip


@triton.jit
def _above_others(
    valid_ptr, group_ptr, kept_ptr, reward_ptr, row, rows, COLS: tl.constexpr
):  # fmt: skip
    """(alone, what the row earns above the others, members, its reward above the others')."""
    own = tl.load(group_ptr + row)
    members, peers, low, high, top, reward_low, reward_high = _extent(
        valid_ptr, group_ptr, kept_ptr, reward_ptr, own, rows, COLS
    )
    low = tl.where(peers > 0, low, 0.0)
    span, reward_span = tl.where(peers > 0, high - low, 0.0), reward_high - reward_low
    zero = tl.zeros([COLS], tl.float64)
    mass, mass_fine, pull, pull_fine, total, total_fine = zero, zero, zero, zero, zero, zero
    first = 0
    while first < rows:
        j = first + tl.arange(0, COLS)
        same = _same(valid_ptr, group_ptr, own, j, rows)
        size = tl.load(kept_ptr + rows + j, mask=same, other=0.0)
        size = tl.where(size > 0, size, 0.0)
        earned = tl.load(kept_ptr + j, mask=size > 0, other=0.0)
        coarse, fine = cut(size, reach(top, peers), peers)
        mass, mass_fine = mass + coarse, mass_fine + fine
        coarse, fine = cut(
            tl.where(size > 0, size * (earned - low), 0.0), reach(top * span, peers), peers
        )
        pull, pull_fine = pull + coarse, pull_fine + fine
        if reward_ptr is not None:
            reward = tl.load(reward_ptr + j, mask=same, other=0.0).to(tl.float64)
            gap = tl.where(same, reward - reward_low, 0.0)
            coarse, fine = cut(gap, reach(reward_span, members), members)
            total, total_fine = total + coarse, total_fine + fine
        first += COLS
    size = tl.load(kept_ptr + rows + row)
    size = tl.where(size > 0, size, 0.0)
    own_peer = tl.where(size > 0, 1.0, 0.0)
    others = tl.sum(mass, 0) + tl.sum(mass_fine, 0) - size
    gap = tl.load(kept_ptr + row) - low
    sums = tl.sum(pull, 0) + tl.sum(pull_fine, 0) - tl.where(size > 0, size * gap, 0.0)
    above = tl.where(others > 0, gap - sums / tl.where(others > 0, others, 1.0), 0.0)
    outcome = members * 0
    if reward_ptr is not None:
        gap = tl.load(reward_ptr + row).to(tl.float64) - reward_low
        rest = tl.sum(total, 0) + tl.sum(total_fine, 0) - gap
        outcome = gap - rest / tl.maximum(members - 1, 1.0)
    return peers - own_peer == 0, above, members, outcome


@triton.jit
def credit_kernel(
    score_ptr, group_ptr, count_ptr, valid_ptr, unit_ptr, reward_ptr, kept_ptr, out_ptr,
    rows, width, score_row, unit_row, temperature: tl.float64, reward_weight: tl.float64,
    FORM: tl.constexpr, RAW: tl.constexpr, TURNS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """The credit of a row; a program compares what the row earns with all rows."""
    row = tl.program_id(0).to(tl.int64)
    alone, above, members, outcome = _above_others(
        valid_ptr, group_ptr, kept_ptr, reward_ptr, row, rows, COLS
    )
    score, where, count = _row(score_ptr, count_ptr, valid_ptr, row, score_row, width, TURNS)
    steps = _steps(score, where, count, temperature, FORM)
    mean, size = tl.load(kept_ptr + 2 * rows + row), tl.load(kept_ptr + rows + row)
    excess = (steps - mean) + above
    if FORM != "suffix_min" and unit_ptr is not None:
        unit = _units(unit_ptr, row, unit_row, where, TURNS)
        share = count * unit / tl.where(size > 0, size, 1.0)
        excess = (steps - mean * share) + above * unit
    credit = tl.where(alone, steps if RAW else tl.zeros([TURNS], tl.float64), excess)
    if FORM != "suffix_min":
        credit = _to_end(credit, where, count)
    if reward_ptr is not None:
        own = tl.load(reward_ptr + row).to(tl.float64)
        lone = own if RAW else own * 0
        credit += reward_weight * tl.where(members == 1, lone, outcome)
    turn = tl.arange(0, TURNS)
    credit = tl.where(where, credit, 0.0).to(out_ptr.dtype.element_ty)
    tl.store(out_ptr + row * width + turn, credit, mask=turn < width)
