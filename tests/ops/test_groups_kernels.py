"""The Triton kernel of `standing`: tiles, strides, what changes no bit, what the reference does."""

import itertools

import pytest
import torch
from helpers import F64, assert_same

pytest.importorskip("triton")

from creditlib.ops import groups, groups_triton
from creditlib.ops.groups_triton import standing
from creditlib.testing import assert_close

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CENTERS = ["mean", "leave_one_out", None]
SCALES = [None, "std", "mean"]


@pytest.fixture(autouse=True)
def device():
    """Tensors are made where the kernels run: on a GPU, or in the interpreter."""
    with torch.device(DEVICE):
        yield


@pytest.fixture
def tile(monkeypatch):
    """Tiles smaller than the rows."""
    monkeypatch.setattr(groups_triton, "ROWS", 4)
    monkeypatch.setattr(groups_triton, "COLS", 8)


def draws(seed, shape):
    """Values of different sizes, huge ids, a fifth that does not take part, weights, parts."""
    torch.manual_seed(seed)
    take = torch.rand(shape) < 0.8
    x = torch.randn(shape, dtype=F64) * 10.0 ** torch.randint(0, 6, shape)
    keys = torch.randint(0, 3, shape) * 10**17 - 10**16, torch.randint(-1, 1, shape)
    weight, part = torch.randint(0, 4, shape).float(), torch.randint(0, 3, shape)
    return torch.where(take, x, torch.nan), keys, take, weight, part


@pytest.mark.usefixtures("tile")
def test_by_hand():
    # Groups 7: 1, 3 and −7: 4 alone; the last row does not take part. ddof 0: deviation 1.
    x = torch.tensor([1.0, 4.0, 3.0, torch.nan])
    keys, take = (torch.tensor([7, -7, 7, 7]),), torch.tensor([True, True, True, False])
    assert standing(x, keys, take).tolist() == [-1, 0, 1, 0]
    assert standing(x, keys, take, by="leave_one_out").tolist() == [-2, 0, 2, 0]
    assert standing(x, keys, take, scale="std", ddof=0, eps=1.0).tolist() == [-0.5, 0, 0.5, 0]
    assert standing(x, keys, take, lone="raw", scale="std", ddof=0).tolist() == [-1, 4, 1, 0]
    # All rows are one group without keys: mean 8/3.
    assert_close(standing(x, (), take), torch.tensor([-5 / 3, 4 / 3, 1 / 3, 0], dtype=F64))


@pytest.mark.usefixtures("tile")
@pytest.mark.parametrize(("by", "scale"), list(itertools.product(CENTERS, SCALES)))
@pytest.mark.parametrize("shape", [(1,), (13,), (3, 4)])
def test_against_the_reference(by, scale, shape):
    x, keys, take, weight, part = draws(len(shape), shape)
    rules = [
        {},
        {"weight": weight, "lone": "zero", "eps": 0.5, "at": "variance"},
        {"leave_out": part, "otherwise": weight, "lone": "raw", "eps": 0.5, "at": "floor"},
        {"weight": weight, "leave_out": part, "otherwise": weight, "variance_eps": 0.5},
    ]
    for used, rule in list(enumerate(rules))[len(shape) - 1 :: 2]:
        given = (x, keys[: used % 3], take)
        expected = groups.standing(*given, by=by, scale=scale, ddof=used % 2, **rule)
        ours = standing(*given, by=by, scale=scale, ddof=used % 2, **rule)
        assert_close(ours, expected)


@pytest.mark.parametrize("by", ["mean", "leave_one_out"])
def test_neither_order_nor_padding_nor_tiles_change_a_bit(by, monkeypatch):
    x, keys, take, weight, part = draws(3, (3, 8))
    # One group of very different sizes: sums that round would round differently.
    x, keys = x * 10.0 ** (torch.arange(8) % 3), (keys[0] * 0, keys[1] * 0)
    rule = {"by": by, "scale": "std", "lone": "zero"}
    expected = standing(x, keys, take, weight=weight, leave_out=part, **rule)
    plain = standing(x, keys, take, **rule)
    order = torch.randperm(24)
    mixed = [y.reshape(-1)[order] for y in (x, *keys, take, weight, part)]
    wide = [
        torch.nn.functional.pad(y, (2, 1), value=fill)
        for y, fill in zip(
            (x, *keys, take, weight, part), (torch.nan, keys[0][0, 0], -1, False, 9, 1), strict=True
        )
    ]
    for rows, cols in ((4, 8), (8, 4)):
        monkeypatch.setattr(groups_triton, "ROWS", rows)
        monkeypatch.setattr(groups_triton, "COLS", cols)
        y, *ids, member, heft, own = mixed
        result = standing(y, tuple(ids), member, weight=heft, leave_out=own, **rule)
        assert_same(result, expected.reshape(-1)[order])
        result = standing(y, tuple(ids), member, **rule)
        assert_same(result, plain.reshape(-1)[order])
        y, *ids, member, heft, own = wide
        result = standing(y, tuple(ids), member, weight=heft, leave_out=own, **rule)
        assert_same(result[:, 2:10], expected)


@pytest.mark.usefixtures("tile")
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, F64])
@pytest.mark.parametrize("value", [100.3, -9.7, 3e4])
def test_equal_values_stand_at_exactly_zero(value, dtype):
    x, take = torch.full((9,), value, dtype=dtype), torch.arange(9) != 4
    keys = (torch.arange(9) % 2,)
    for by in ("mean", "leave_one_out"):
        for scale in (None, "std"):
            assert not standing(x, keys, take, by=by, scale=scale).any()
    assert not standing(x, keys, take, weight=torch.rand(9), scale="std").any()


@pytest.mark.parametrize("kind", [torch.int8, torch.int16, torch.int32, torch.int64])
def test_ids_of_every_integer_at_their_extremes(kind):
    info, x, take = torch.iinfo(kind), torch.arange(4.0), torch.ones(4, dtype=torch.bool)
    keys = torch.tensor([info.max, info.min, 0, info.max], dtype=kind)
    assert standing(x, (keys,), take).tolist() == [-1.5, 0, 0, 1.5]
    assert not standing(x, (keys, keys.flip(0) * 0 + torch.arange(4)), take).any()


@pytest.mark.usefixtures("tile")
def test_tensors_may_repeat_rows_or_columns_and_lie_apart():
    x, keys, take, _, _ = draws(6, (4, 10))
    row, column = torch.tensor([[5], [6], [5], [6]]), torch.arange(5)[None]
    rule = {"leave_out": torch.arange(4)[:, None], "scale": "std", "lone": "raw"}
    x, take = x.nan_to_num(7)[:, ::2], take[:, 1::2]
    for given in ((row,), (column,), (row, column), (keys[0][:, :5], row)):
        full = tuple(key.expand(4, 5).clone() for key in given)
        expected = groups.standing(x.contiguous(), full, take.contiguous(), **rule)
        assert_close(standing(x, given, take, **rule), expected)


def test_what_no_kernel_is_for_is_left_to_the_reference(monkeypatch):
    x, keys, take, _, _ = draws(7, (12,))
    rules = [{"by": "median"}, {"scale": "mad"}]
    for rule in rules:
        assert_same(standing(x, keys, take, **rule), groups.standing(x, keys, take, **rule))
    monkeypatch.setattr(groups_triton, "_standing", None)
    monkeypatch.setattr(groups_triton, "MOST", 11)
    assert_same(standing(x, keys, take), groups.standing(x, keys, take))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_empty_shapes(shape):
    x = torch.ones(shape)
    result = standing(x, (x.long(),), x > 0)
    assert (result.shape, result.dtype) == (shape, F64)
