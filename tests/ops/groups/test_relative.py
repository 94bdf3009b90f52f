"""Values relative to their group, on every backend: by hand, and against a loop."""

import pytest
import torch
from helpers import F64, assert_same, deviation, mean, members

from creditlib.ops import groups
from creditlib.testing import assert_close

ONE = torch.tensor([7, 7, 7])
ALL = torch.tensor([True, True, True])


def rel(x, keys, where, **options):
    """`relative` on the backend of the test, every option on its way through."""
    x = torch.as_tensor(x, dtype=F64)
    return groups.relative(x, keys, where, **options)


@pytest.mark.usefixtures("backend")
def test_relative_by_hand():
    # mean 2, median 1; the others' means are 2.5, 3, 0.5; the last row does not where part
    x = [1.0, 0.0, 5.0, torch.nan]
    keys, where = (torch.tensor([-3, -3, -3, -3]),), torch.tensor([True, True, True, False])
    assert rel(x, keys, where).tolist() == [-1, -2, 3, 0]
    assert rel(x, keys, where, center="leave_one_out").tolist() == [-1.5, -3, 4.5, 0]
    assert rel(x, keys, where, center="median").tolist() == [0, -1, 4, 0]
    assert rel(x, keys, where, center=None).tolist() == [1, 0, 5, 0]
    # the mean divides, plus 1/2; the middle distance from the median is 1
    assert rel(x, keys, where, scale="mean", eps=0.5).tolist() == [-0.4, -0.8, 1.2, 0]
    assert rel(x, keys, where, center="median", scale="mad", eps=1.0).tolist() == [0, -0.5, 2, 0]


@pytest.mark.usefixtures("backend")
def test_spreads_of_relative_by_hand():
    # mean 1, squares 1 + 1 + 4 = 6: 6/2 = 3 and 6/3 = 2, softened to 4 and to 2
    x, keys = [0.0, 0.0, 3.0], (ONE,)
    one = rel(x, keys, ALL, scale="std", eps=13.0, eps_at="variance")
    assert one.tolist() == [-0.25, -0.25, 0.5]
    both = rel(x, keys, ALL, scale="std", ddof=0, variance_eps=2.0, eps=2.0)
    assert both.tolist() == [-0.25, -0.25, 0.5]
    floor = rel(x, keys, ALL, scale="std", eps=4.0, eps_at="floor")
    assert floor.tolist() == [-0.25, -0.25, 0.5]
    # the scale divides values that are not centered
    assert_close(
        rel(x, keys, ALL, center=None, scale="std"), torch.tensor([0, 0, 3**0.5], dtype=F64)
    )


@pytest.mark.usefixtures("backend")
def test_groups_of_relative_by_hand():
    # pairs: (0, 5) holds 1 and 3, (0, 6) holds 4, (1, 5) holds 9 and 5
    x, keys = (
        [1.0, 4.0, 3.0, 9.0, 5.0],
        (torch.tensor([0, 0, 0, 1, 1]), torch.tensor([5, 6, 5, 5, 5])),
    )
    where = torch.tensor([True] * 5)
    assert rel(x, keys, where).tolist() == [-1, 0, 1, 2, -2]
    # without keys all are one group, of mean 22/5
    assert_close(rel(x, (), where), torch.tensor(x, dtype=F64) - 4.4)
    # with three: nobody is left but 9 and 5
    third = torch.tensor([1, 2, 3, 4, 4])
    assert rel(x, (*keys, third), where).tolist() == [0, 0, 0, 2, -2]
    # a row of keys and a column of them meet in a table
    table = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    rows, columns = torch.tensor([[4], [4]]), torch.tensor([0, 1])
    every = torch.ones(2, 2, dtype=torch.bool)
    assert rel(table, (rows, columns), every).tolist() == [[-1, -2], [1, 2]]
    assert rel(table, (columns[:, None],), every).tolist() == [[-0.5, 0.5], [-1.5, 1.5]]


@pytest.mark.usefixtures("backend")
def test_weights_and_ids_left_out_of_relative_by_hand():
    # (1·1 + 3·0 + 1·5) / 5 = 1.2; without the row itself 5/4, 6/2, 1/4
    x, weight = [1.0, 0.0, 5.0], torch.tensor([1, 3, 1])
    assert_close(rel(x, (ONE,), ALL, weight=weight), torch.tensor([-0.2, -1.2, 3.8], dtype=F64))
    others = rel(x, (ONE,), ALL, weight=weight, center="leave_one_out")
    assert others.tolist() == [-0.25, -3, 4.75]
    # rows 0 and 1 are one part: both against 5; row 2 against (1 + 0)/2
    part = torch.tensor([-2, -2, 8])
    assert rel(x, (ONE,), ALL, leave_out=part).tolist() == [-4, -5, 4.5]
    # row 2 stands in another group, where its part has the same id: nobody is left anywhere
    apart, aside = torch.tensor([7, 7, 1]), torch.tensor([-2, -2, -2])
    assert rel(x, (apart,), ALL, leave_out=aside).tolist() == [0, 0, 0]
    # who takes no part or has nobody left gets what stands beside
    beside = torch.tensor([10.0, 20.0, 30.0])
    some = torch.tensor([True, True, False])
    assert rel(x, (ONE,), some, leave_out=part, otherwise=beside).tolist() == [10, 20, 30]
    assert rel(x, (ONE,), some, otherwise=beside).tolist() == [0.5, -0.5, 30]
    # the deviation of 1 and 0 divides what is compared, not what stands beside
    scaled = rel(x, (ONE,), some, center="leave_one_out", otherwise=beside, scale="std", ddof=0)
    assert scaled.tolist() == [2, -2, 30]


@pytest.mark.usefixtures("backend")
def test_lone_rows_of_relative_by_hand():
    # 9 is alone in its group, 3 is the only one of its group that takes part
    x, keys = [9.0, 3.0, 4.0], (torch.tensor([0, 1, 1]),)
    where = torch.tensor([True, True, False])
    assert rel(x, keys, where, center=None).tolist() == [9, 3, 0]
    assert rel(x, keys, where, center=None, lone="zero").tolist() == [0, 0, 0]
    assert rel(x, keys, where, lone="raw").tolist() == [9, 3, 0]
    # over a deviation of 1, plus 2
    assert rel(x, keys, where, lone="raw", scale="std", eps=2.0).tolist() == [3, 1, 0]
    assert rel(x, keys, where, scale="std", eps=2.0).tolist() == [0, 0, 0]


@pytest.mark.usefixtures("backend")
def test_equal_values_stand_at_exactly_zero():
    check_equal_values(0.1)


@pytest.mark.usefixtures("quick_backend")
@pytest.mark.parametrize("constant", [0.0, -7.3e-5, 1e30])
def test_equal_values_of_every_size_stand_at_exactly_zero(constant):
    check_equal_values(constant)


def check_equal_values(constant):
    rows = 10  # ten times 0.1 is not 1
    where, part = torch.ones(rows, dtype=torch.bool), torch.arange(rows) % 3
    x, keys = torch.full((rows,), constant, dtype=F64), (torch.zeros(rows, dtype=torch.int64),)
    weight = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    nothing = torch.zeros(rows, dtype=F64)
    for options in (
        {},
        {"center": "leave_one_out"},
        {"center": "median"},
        {"weight": weight},
        {"weight": weight, "leave_out": part},
        {"leave_out": part},
    ):
        for scale in ("std", "mad", None):
            assert_same(rel(x, keys, where, scale=scale, **options), nothing)


@pytest.mark.usefixtures("backend")
def test_a_large_offset_costs_no_digits():
    x, keys = [0.25, 0.5, 1.5], (ONE,)
    near = rel(x, keys, ALL, scale="std")
    assert_same(rel([v + 2.0**40 for v in x], keys, ALL, scale="std"), near)


@pytest.mark.usefixtures("backend")
def test_what_is_not_finite_stays_in_its_group():
    where = torch.tensor([True, True, True, True])
    keys = (torch.tensor([1, 1, 2, 2]),)
    for value in (torch.nan, torch.inf, -torch.inf):
        result = rel([1.0, 3.0, value, 0.0], keys, where, scale="std")
        assert (
            result[:2].tolist() == rel([1.0, 3.0], (keys[0][:2],), where[:2], scale="std").tolist()
        )
        assert result[2:].isnan().all()


@pytest.mark.usefixtures("backend")
def test_nothing_stands_nowhere():
    nobody = torch.zeros(0, dtype=torch.int64)
    assert rel([], (nobody,), nobody > 0, scale="std").shape == (0,)
    left_out = rel([1.0, 2.0, 3.0], (ONE,), ~ALL, scale="std", center=None, lone="raw")
    assert left_out.tolist() == [0, 0, 0]


def relative_by_loop(x, keys, where, part, weight, beside, *, center, scale, lone, ddof, eps):
    """Every rule of `relative`, one row at a time."""
    result = [0.0 if beside is None else b for b in (beside or x)]
    for own in members(keys, where).values():
        values = [x[i] for i in own]
        unit = mean(values) if scale == "mean" else deviation(values, ddof)
        for i in own:
            rest = [k for k in own if part is None or part[k] != part[i]]
            rest = [k for k in own if k != i] if center == "leave_one_out" else rest
            mass = sum(weight[k] for k in rest)
            pull = sum(weight[k] * x[k] for k in rest)
            alone = lone is not None and len(own) == 1
            value = x[i] - pull / mass if mass else 0.0
            value = x[i] if center is None else value
            value = (x[i] if lone == "raw" else 0.0) if alone else value
            if scale is not None:
                own_unit = 1.0 if alone else unit
                value = value / (own_unit + eps) if own_unit and own_unit + eps else 0.0
            result[i] = value if mass or beside is None else beside[i]
    return result


@pytest.mark.parametrize("center", ["mean", "leave_one_out", None])
@pytest.mark.parametrize("scale", ["std", "mean", None])
@pytest.mark.parametrize("lone", [None, "zero", "raw"])
def test_relative_against_a_loop(center, scale, lone, backend):
    for seed in range(2 if backend == "triton" else 24):
        draw = torch.Generator().manual_seed(seed)
        rows = 1 + 3 * seed
        first = torch.randint(-1, 1 + rows // 6, (rows,), generator=draw) * 10**17
        second, part = torch.randint(0, 2, (2, rows), generator=draw, dtype=torch.int32)
        x = torch.randint(-8, 9, (rows,), generator=draw) / 4
        where = torch.rand(rows, generator=draw) < 0.8
        weight = torch.randint(0, 3, (rows,), generator=draw) if seed % 3 else None
        own = part if center != "leave_one_out" and seed % 2 else None
        beside = torch.rand(rows, generator=draw, dtype=F64) if seed % 5 < 2 else None
        rule = {"center": center, "scale": scale, "lone": lone, "ddof": seed % 2, "eps": 0.125}
        expected = relative_by_loop(
            x.tolist(),
            list(zip(first.tolist(), second.tolist(), strict=True)),
            where.tolist(),
            None if own is None else own.tolist(),
            [1.0] * rows if weight is None else weight.tolist(),
            None if beside is None else beside.tolist(),
            **rule,
        )
        x = torch.where(where, x, torch.nan)
        result = rel(
            x, (first, second), where, weight=weight, leave_out=own, otherwise=beside, **rule
        )
        assert_close(result, torch.tensor(expected, dtype=F64))


def test_one_group_can_be_any_layout(backend):
    """Views, strides and narrow integers are read as what they say."""
    x = torch.arange(12, dtype=F64).view(3, 4)
    key, every = torch.tensor([[1, 1, 0, 0]] * 3), torch.ones(3, 4, dtype=torch.bool)
    expected = rel(x.t().contiguous(), (key.t().contiguous(),), every.t().contiguous())
    assert_same(rel(x.t(), (key.t().to(torch.int16),), every.t()), expected)
    column = rel(x[:, 0], (key[:, 0],), every[:, 0])
    assert column.tolist() == [-4, 0, 4]
