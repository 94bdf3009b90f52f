"""Centre and spread by group, against loops over the members of each group."""

import statistics

import pytest
import torch
from helpers import F64, assert_same, deviation, mean, members
from hypothesis import given
from hypothesis import strategies as st

from creditlib.ops import groups as operations
from creditlib.ops.groups import reference as groups
from creditlib.testing import assert_close

SIZES = [0, 1, 7, 64, 129]
CENTERS = ["mean", "leave_one_out", "median", None]


def batch(seed, rows):
    """Ids (negative, huge), values with ties, rows that where part, weights, parts of a group."""
    draw = torch.Generator().manual_seed(seed)
    keys = torch.randint(0, max(rows // 4, 1), (rows,), generator=draw) * 10**17 - 10**18
    x = torch.randint(-8, 9, (rows,), generator=draw).to(F64) / 4
    where = torch.rand(rows, generator=draw) < 0.8
    weight = torch.randint(0, 4, (rows,), generator=draw)
    part = groups.dense(keys, torch.randint(0, 3, (rows,), generator=draw))
    return groups.dense(keys), torch.where(where, x, torch.nan), where, weight, part


def loop(index, where, rule):
    """rule(row, its group's taken rows) for every taken row; 0 for the others."""
    table = members(index.tolist(), where.tolist())
    return torch.tensor(
        [rule(row, table[key]) if where[row] else 0.0 for row, key in enumerate(index.tolist())],
        dtype=F64,
    )


def test_dense_by_hand():
    # Distinct ids in order: -3 < 2 < 70, so their ranks are 0, 1, 2.
    assert groups.dense(torch.tensor([70, -3, 2, 70])).tolist() == [2, 0, 1, 2]
    # Pairs in order: (0,5) < (0,6) < (1,5).
    pairs = groups.dense(torch.tensor([1, 0, 0, 1]), torch.tensor([5, 6, 5, 5]))
    assert pairs.tolist() == [2, 1, 0, 2]


def test_dense_tells_huge_ids_apart():
    assert groups.dense(torch.tensor([2**60 + 1, 2**60, 2**60 + 1])).tolist() == [1, 0, 1]


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32, torch.int64])
def test_dense_takes_the_extremes_of_every_integer(dtype):
    info = torch.iinfo(dtype)
    keys = torch.tensor([info.max, info.min, 0, info.max], dtype=dtype)
    assert groups.dense(keys).tolist() == [2, 0, 1, 2]
    # (max, max), (min, 0), (0, min), (max, max)
    assert groups.dense(keys, keys.flip(0)).tolist() == [2, 0, 1, 2]


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-2, 2)), max_size=30))
def test_dense_is_the_rank_of_the_tuple(pairs):
    columns = [torch.tensor([pair[k] for pair in pairs], dtype=torch.int64) for k in (0, 1)]
    order = sorted(set(pairs))
    assert groups.dense(*columns).tolist() == [order.index(pair) for pair in pairs]


def test_numbers_of_ids_on_every_backend(backend):
    """Equal tuples have equal numbers below the number of rows, others have others."""
    rows = 40 if backend == "triton" else 3000
    draw = torch.Generator().manual_seed(0)
    # ids that agree in their low bits, or in their high ones, or lie at the edges
    key = torch.randint(0, rows // 2, (rows,), generator=draw)
    for keys in (
        (key * 2**32,),
        (key - rows,),
        (key, key.flip(0)),
        (torch.where(key > 3, 2**63 - 1, -(2**63)), key),
        (key, key % 2, (key % 3).to(torch.int8)),
    ):
        number = operations.dense(*keys).tolist()
        tuples = list(zip(*(k.tolist() for k in keys), strict=True))
        assert len(set(number)) == len(set(tuples)) == len(set(zip(number, tuples, strict=True)))
        assert 0 <= min(number) <= max(number) < rows


def test_center_by_hand():
    # group 0: 1, 0, 5 (mean 2, median 1); group 1: 4 alone; the last row does not where part.
    x = torch.tensor([1.0, 0.0, 4.0, 5.0, torch.nan], dtype=F64)
    index = torch.tensor([0, 0, 1, 0, 0])
    where = torch.tensor([True, True, True, True, False])
    assert groups.centered(x, index, where).tolist() == [-1, -2, 0, 3, 0]
    assert groups.centered(x, index, where, center="median").tolist() == [0, -1, 0, 4, 0]
    # the others' means: (0 + 5)/2 = 2.5, (1 + 5)/2 = 3, none, (1 + 0)/2 = 0.5
    assert groups.centered(x, index, where, center="leave_one_out").tolist() == [
        -1.5,
        -3,
        0,
        4.5,
        0,
    ]
    assert groups.centered(x, index, where, center=None).tolist() == [1, 0, 4, 5, 0]


def test_weights_and_parts_left_out_by_hand():
    x, index = torch.tensor([1.0, 0.0, 5.0], dtype=F64), torch.zeros(3, dtype=torch.int64)
    where, weight = torch.ones(3, dtype=torch.bool), torch.tensor([1, 3, 1])
    # (1·1 + 3·0 + 1·5) / 5 = 1.2
    assert_close(
        groups.centered(x, index, where, weight=weight), torch.tensor([-0.2, -1.2, 3.8], dtype=F64)
    )
    # Rows 0 and 1 are one part: both against 5; row 2 against (1 + 0)/2.
    part = torch.tensor([0, 0, 1])
    assert groups.centered(x, index, where, leave_out=part).tolist() == [-4, -5, 4.5]
    # Everybody in one part: nobody is left to compare with.
    assert groups.centered(x, index, where, leave_out=index).tolist() == [0, 0, 0]


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("by", CENTERS)
@given(seed=st.integers(0, 10**6))
def test_center_against_a_loop(rows, by, seed):
    index, x, where, weight, part = batch(seed, rows)
    value = x.tolist()

    def others(row, rest, row_weight):
        mass = sum(row_weight[k] for k in rest)
        return value[row] - sum(row_weight[k] * value[k] for k in rest) / mass if mass else 0.0

    even = [1.0] * rows
    rule = {
        "mean": lambda row, own: others(row, own, even),
        "leave_one_out": lambda row, own: others(row, [k for k in own if k != row], even),
        "median": lambda row, own: value[row] - statistics.median(value[k] for k in own),
        None: lambda row, own: value[row],
    }[by]
    assert_close(groups.centered(x, index, where, center=by), loop(index, where, rule))
    if by in ("mean", "leave_one_out"):
        row_weight = weight.tolist()
        drop = by == "leave_one_out"
        weighted = loop(
            index,
            where,
            lambda row, own: others(row, [k for k in own if not (drop and k == row)], row_weight),
        )
        assert_close(groups.centered(x, index, where, center=by, weight=weight), weighted)
    if by == "mean":
        parts = loop(
            index,
            where,
            lambda row, own: others(row, [k for k in own if part[k] != part[row]], even),
        )
        assert_close(groups.centered(x, index, where, leave_out=part), parts)


@pytest.mark.parametrize("rows", SIZES)
@given(seed=st.integers(0, 10**6))
def test_spread_against_a_loop(rows, seed):
    index, x, where, _, _ = batch(seed, rows)
    value = x.tolist()

    def mad(_, own):
        middle = statistics.median(value[k] for k in own)
        return statistics.median(abs(value[k] - middle) for k in own)

    def average(_, own):
        return mean([value[k] for k in own])

    for by, rule in (("mad", mad), ("mean", average)):
        ours = groups.group_scale(x, index, where, scale=by)
        assert_close(torch.where(where, ours, 0), loop(index, where, rule))
    for ddof in (0, 1):
        ours = groups.group_scale(x, index, where, ddof=ddof)
        rule = loop(index, where, lambda _, own, d=ddof: deviation([value[k] for k in own], d))
        assert_close(torch.where(where, ours, 0), rule)
    assert_close(
        torch.where(where, groups.group_mean(x, index, where), 0), loop(index, where, average)
    )
    assert_close(
        torch.where(where, groups.group_max(x, index, where), 0),
        loop(index, where, lambda _, own: max(value[k] for k in own)),
    )
    count = torch.where(where, groups.group_count(index, where), 0)
    assert_close(count, loop(index, where, lambda _, own: len(own)))


def test_spread_by_hand():
    x, index = torch.tensor([0.0, 0.0, 0.0, 4.0], dtype=F64), torch.zeros(4, dtype=torch.int64)
    where = torch.ones(4, dtype=torch.bool)
    # mean 1, squares 1 + 1 + 1 + 9 = 12: 12/4 = 3 and 12/3 = 4
    assert_close(
        groups.group_scale(x, index, where, ddof=0), torch.full((4,), 3.0, dtype=F64).sqrt()
    )
    assert groups.group_scale(x, index, where, ddof=1).tolist() == [2] * 4
    # the median is 0, three of four distances are 0
    assert groups.group_scale(x, index, where, scale="mad").tolist() == [0] * 4
    assert groups.group_scale(x, index, where, scale="mean").tolist() == [1] * 4


def test_softened_spreads_by_hand():
    by = torch.tensor([3.0, 0.0], dtype=F64)
    one = torch.ones(2, dtype=F64)
    assert groups.divide(one, by, eps=1.0).tolist() == [0.25, 0]
    assert groups.divide(one, by, eps=16.0, eps_at="variance").tolist() == [0.2, 0]
    assert groups.divide(one, by, eps=4.0, eps_at="floor").tolist() == [0.25, 0]


@pytest.mark.parametrize(("spread", "eps", "eps_at"), [(-2.0, 2.0, "std"), (-2.0, 0.0, "floor")])
def test_a_scale_that_is_regularized_to_zero_divides_nothing(spread, eps, eps_at):
    # −2 + 2 = 0 and max(−2, 0) = 0: a mean may be negative, and 0/0 would be NaN.
    by = torch.tensor([spread], dtype=F64)
    assert groups.divide(torch.zeros(1, dtype=F64), by, eps=eps, eps_at=eps_at).tolist() == [0]


@given(seed=st.integers(0, 10**6))
def test_a_group_is_the_same_alone_and_among_others(seed):
    index, x, where, weight, part = batch(seed, 64)
    own = index == index[0]
    for by in CENTERS:
        whole = groups.centered(x, index, where, center=by)
        assert_same(whole[own], groups.centered(x[own], index[own] * 0, where[own], center=by))
    assert_same(
        groups.centered(x, index, where, weight=weight, leave_out=part)[own],
        groups.centered(
            x[own],
            index[own] * 0,
            where[own],
            weight=weight[own],
            leave_out=groups.dense(part[own]),
        ),
    )
