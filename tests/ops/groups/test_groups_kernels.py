"""The Triton kernel of `relative`: tiles, strides, what changes no bit, what the reference does."""

import functools
import itertools

import pytest
import torch
from helpers import F64, assert_same

pytest.importorskip("triton")

from creditlib.ops.groups import reference as groups
from creditlib.ops.groups import triton_launch as groups_triton
from creditlib.ops.groups.triton_launch import relative
from creditlib.testing import assert_close

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
NIGHTLY = functools.partial(pytest.param, marks=pytest.mark.nightly)
CENTERS = ["mean", "leave_one_out", None]
SCALES = [None, "std", "mean"]


@pytest.fixture(autouse=True)
def device():
    """Tensors are made where the kernels run: on a GPU, or in the interpreter."""
    with torch.device(DEVICE):
        yield


@pytest.fixture(params=["pairs", "table"])
def tile(request, monkeypatch):
    """Both forms, with tiles smaller than the rows."""
    for name, value in (("ROWS", 4), ("COLS", 8), ("BLOCK", 8)):
        monkeypatch.setattr(groups_triton, name, value)
    monkeypatch.setattr(groups_triton, "PAIRS", 0 if request.param == "table" else 10**9)


def draws(seed, shape):
    """Values of different sizes, huge ids, a fifth that does not where part, weights, parts."""
    torch.manual_seed(seed)
    where = torch.rand(shape) < 0.8
    x = torch.randn(shape, dtype=F64) * 10.0 ** torch.randint(0, 6, shape)
    keys = torch.randint(0, 3, shape) * 10**17 - 10**16, torch.randint(-1, 1, shape)
    weight, part = torch.randint(0, 4, shape).float(), torch.randint(0, 3, shape)
    return torch.where(where, x, torch.nan), keys, where, weight, part


@pytest.mark.usefixtures("tile")
def test_by_hand():
    # Groups 7: 1, 3 and −7: 4 alone; the last row does not where part. ddof 0: deviation 1.
    x = torch.tensor([1.0, 4.0, 3.0, torch.nan])
    keys, where = (torch.tensor([7, -7, 7, 7]),), torch.tensor([True, True, True, False])
    assert relative(x, keys, where).tolist() == [-1, 0, 1, 0]
    assert relative(x, keys, where, center="leave_one_out").tolist() == [-2, 0, 2, 0]
    assert relative(x, keys, where, scale="std", ddof=0, eps=1.0).tolist() == [-0.5, 0, 0.5, 0]
    assert relative(x, keys, where, lone="raw", scale="std", ddof=0).tolist() == [-1, 4, 1, 0]
    # All rows are one group without keys: mean 8/3.
    assert_close(relative(x, (), where), torch.tensor([-5 / 3, 4 / 3, 1 / 3, 0], dtype=F64))


@pytest.mark.usefixtures("tile")
@pytest.mark.parametrize(("center", "scale"), list(itertools.product(CENTERS, SCALES)))
@pytest.mark.parametrize("shape", [(1,), (13,), (3, 4)])
def test_against_the_reference(center, scale, shape):
    x, keys, where, weight, part = draws(len(shape), shape)
    rules = [
        {},
        {"weight": weight, "lone": "zero", "eps": 0.5, "eps_at": "variance"},
        {"leave_out": part, "otherwise": weight, "lone": "raw", "eps": 0.5, "eps_at": "floor"},
        {"weight": weight, "leave_out": part, "otherwise": weight, "variance_eps": 0.5},
    ]
    for used, rule in list(enumerate(rules))[len(shape) - 1 :: 2]:
        given = (x, keys[: used % 3], where)
        expected = groups.relative(*given, center=center, scale=scale, ddof=used % 2, **rule)
        ours = relative(*given, center=center, scale=scale, ddof=used % 2, **rule)
        assert_close(ours, expected)


@pytest.mark.parametrize("center", ["mean", "leave_one_out"])
@pytest.mark.parametrize(
    "tile", [(4, 8, 10**9), NIGHTLY((8, 4, 10**9)), (4, 8, 0), NIGHTLY((4, 16, 0))]
)
def test_neither_order_nor_padding_nor_tiles_change_a_bit(center, tile, monkeypatch):
    x, keys, where, weight, part = draws(3, (3, 8))
    # One group of very different sizes: sums that round would round differently.
    x, keys = x * 10.0 ** (torch.arange(8) % 3), (keys[0] * 0, keys[1] * 0)
    rule = {"center": center, "scale": "std", "lone": "zero"}
    monkeypatch.setattr(groups_triton, "PAIRS", tile[2])
    expected = relative(x, keys, where, weight=weight, leave_out=part, **rule)
    plain = relative(x, keys, where, **rule)
    order = torch.randperm(24)
    mixed = [y.reshape(-1)[order] for y in (x, *keys, where, weight, part)]
    wide = [
        torch.nn.functional.pad(y, (2, 1), value=fill)
        for y, fill in zip(
            (x, *keys, where, weight, part),
            (torch.nan, keys[0][0, 0], -1, False, 9, 1),
            strict=True,
        )
    ]
    monkeypatch.setattr(groups_triton, "ROWS", tile[0])
    monkeypatch.setattr(groups_triton, "COLS", tile[1])
    monkeypatch.setattr(groups_triton, "BLOCK", tile[1])
    y, *ids, member, row_weight, own = mixed
    result = relative(y, tuple(ids), member, weight=row_weight, leave_out=own, **rule)
    assert_same(result, expected.reshape(-1)[order])
    result = relative(y, tuple(ids), member, **rule)
    assert_same(result, plain.reshape(-1)[order])
    y, *ids, member, row_weight, own = wide
    result = relative(y, tuple(ids), member, weight=row_weight, leave_out=own, **rule)
    assert_same(result[:, 2:10], expected)


@pytest.mark.usefixtures("tile")
def test_a_table_holds_one_group_many_groups_and_what_is_not_finite():
    torch.manual_seed(4)
    every, one = torch.ones(40, dtype=torch.bool), torch.zeros(40, dtype=torch.int64)
    x, apart = torch.randn(40, dtype=F64), torch.randperm(40) * 2**40
    for keys in ((), (one,), (apart,), (one, apart), (apart // 2**41,)):
        expected = groups.relative(x, keys, every, scale="std")
        for where in (every, None):
            assert_close(relative(x, keys, where, scale="std"), expected)
    pairs = torch.arange(40) // 2
    for value in (torch.nan, torch.inf, -torch.inf):
        found = relative(x.masked_fill(apart == 0, value), (pairs,), every, scale="std")
        bad = pairs == pairs[apart == 0]
        assert found[bad].isnan().all()
        assert_same(found[~bad], relative(x, (pairs,), every, scale="std")[~bad])


@pytest.mark.usefixtures("tile")
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, F64])
@pytest.mark.parametrize("value", [100.3, *(NIGHTLY(x) for x in (-9.7, 3e4))])
def test_equal_values_stand_at_exactly_zero(value, dtype):
    x, where = torch.full((9,), value, dtype=dtype), torch.arange(9) != 4
    keys = (torch.arange(9) % 2,)
    for center in ("mean", "leave_one_out"):
        for scale in (None, "std"):
            assert not relative(x, keys, where, center=center, scale=scale).any()
    assert not relative(x, keys, where, weight=torch.rand(9), scale="std").any()


@pytest.mark.parametrize("kind", [torch.int8, torch.int16, torch.int32, torch.int64])
def test_ids_of_every_integer_at_their_extremes(kind):
    info, x, where = torch.iinfo(kind), torch.arange(4.0), torch.ones(4, dtype=torch.bool)
    keys = torch.tensor([info.max, info.min, 0, info.max], dtype=kind)
    assert relative(x, (keys,), where).tolist() == [-1.5, 0, 0, 1.5]
    assert not relative(x, (keys, keys.flip(0) * 0 + torch.arange(4)), where).any()


@pytest.mark.usefixtures("tile")
def test_tensors_may_repeat_rows_or_columns_and_lie_apart():
    x, keys, where, _, _ = draws(6, (4, 10))
    row, column = torch.tensor([[5], [6], [5], [6]]), torch.arange(5)[None]
    rule = {"leave_out": torch.arange(4)[:, None], "scale": "std", "lone": "raw"}
    x, where = x.nan_to_num(7)[:, ::2], where[:, 1::2]
    for given in ((row,), (column,), (row, column), (keys[0][:, :5], row)):
        full = tuple(key.expand(4, 5).clone() for key in given)
        expected = groups.relative(x.contiguous(), full, where.contiguous(), **rule)
        assert_close(relative(x, given, where, **rule), expected)


def test_what_no_kernel_is_for_is_left_to_the_reference(monkeypatch):
    x, keys, where, _, _ = draws(7, (12,))
    rules = [{"center": "median"}, {"scale": "mad"}]
    for rule in rules:
        assert_same(relative(x, keys, where, **rule), groups.relative(x, keys, where, **rule))
    monkeypatch.setattr(groups_triton, "relative_kernel", None)
    third = (*keys, keys[0] * 0)
    assert_same(relative(x, third, where), groups.relative(x, third, where))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_empty_shapes(shape):
    x = torch.ones(shape)
    result = relative(x, (x.long(),), x > 0)
    assert (result.shape, result.dtype) == (shape, torch.float32)
    result = relative(x.to(F64), (x.long(),), x > 0)
    assert (result.shape, result.dtype) == (shape, F64)
