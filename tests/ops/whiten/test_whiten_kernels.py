"""The Triton kernels of `whitening`: few values in one launch, many in three."""

import functools

import pytest
import torch
from helpers import F64, assert_same

pytest.importorskip("triton")

from creditlib.ops.whiten import reference as whitening
from creditlib.ops.whiten import triton_launch as whitening_triton
from creditlib.ops.whiten.triton_launch import moments, standardize, standardize_written
from creditlib.testing import assert_close

NIGHTLY = functools.partial(pytest.param, marks=pytest.mark.nightly)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def device():
    """Tensors are made where the kernels run: on a GPU, or in the interpreter."""
    with torch.device(DEVICE):
        yield


@pytest.fixture(params=["few", "many", "one block each"])
def way(request, monkeypatch):
    """One launch in several rounds; three with programs of several rounds, or of one."""
    monkeypatch.setattr(whitening_triton, "BLOCK", 16)
    if request.param != "few":
        monkeypatch.setattr(whitening_triton, "FEW", 0)
        monkeypatch.setattr(whitening_triton, "PROGRAMS", 4 if request.param == "many" else 32)
    return request.param


def draws(seed, size, dtype=F64):
    """Values of very different sizes, weights of which a quarter are 0, NaN where they are."""
    torch.manual_seed(seed)
    x = torch.randn(size, dtype=F64) * 10.0 ** (torch.arange(size) % 9)
    weight = torch.randint(0, 4, (size,))
    return torch.where(weight > 0, x, torch.nan).to(dtype), weight


@pytest.mark.usefixtures("way")
def test_by_hand():
    # 1 twice and 4 once: mean 2, squares 1 + 1 + 4 = 6 over 3 − 1 = 3, plus eps 1: rstd 1/2
    x, weight = torch.tensor([1.0, 4.0, torch.nan]), torch.tensor([2, 1, 0])
    assert [m.item() for m in moments(x, weight, 1.0)] == [2, 0.5]
    assert standardize(x, weight, 1.0).tolist() == [-0.5, 1, 0]
    # 3 and 5 on the tokens of turns 0 and 7: mean 4, squares 1 + 1 over 1, plus eps 2: rstd 1/2
    turn = torch.tensor([[0, -1], [-1, 7]])
    x = torch.tensor([[3.0, torch.nan], [9.0, 5.0]])
    assert standardize_written(x, turn, 2.0).tolist() == [[-0.5, 0], [0, 0.5]]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("size", [1, 17, 100])
@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("kind", [torch.bool, torch.int64, torch.float32])
def test_against_the_reference(size, dtype, kind):
    x, weight = draws(size, size, dtype)
    weight = weight.to(kind)
    ours, reference = moments(x, weight, 1e-8), whitening.moments(x.to(F64), weight.to(F64), 1e-8)
    assert_close(torch.stack(ours), torch.stack(reference))
    expected = whitening.standardize(x.to(F64), weight.to(F64), 1e-8)
    assert_close(standardize(x, weight, 1e-8), expected)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_types_are_compared_in_float32(dtype):
    # 3 and 5: mean 4, squares 1 + 1 over 1, plus eps 2: rstd 1/2
    x, mask = torch.tensor([3.0, torch.inf, 5.0], dtype=dtype), torch.tensor([True, False, True])
    assert [m.item() for m in moments(x, mask, 2.0)] == [4, 0.5]
    assert standardize(x, mask, 2.0).tolist() == [-0.5, 0, 0.5]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_float32_is_whitened_as_in_the_reference(offset):
    """The result is made in the type of the values, from the same two parts of the mean."""
    x, mask = (torch.arange(50) % 7).to(torch.float32) / 64 + offset, torch.arange(50) % 5 > 0
    assert_same(standardize(x, mask, 0.25), whitening.standardize(x, mask, 0.25))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kind", [torch.int8, torch.int16, torch.int32, torch.int64])
def test_written_tokens_are_those_with_a_turn(kind):
    torch.manual_seed(1)
    x, turn = torch.randn(5, 11), torch.randint(-1, 3, (5, 11)).to(kind)
    expected = standardize(x, turn >= 0, 1e-8)
    assert_same(standardize_written(x, turn, 1e-8), expected)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize(("few", "programs"), [(10**6, 4), NIGHTLY(0, 1), (0, 4), NIGHTLY(0, 64)])
def test_neither_order_nor_padding_nor_the_number_of_programs_changes_a_bit(
    dtype, few, programs, monkeypatch
):
    x, weight = draws(3, 60, dtype)
    expected = moments(x, weight, 1e-8)
    monkeypatch.setattr(whitening_triton, "BLOCK", 16)
    order = torch.randperm(60)
    wide = torch.nn.functional.pad(x.view(6, 10), (3, 20), value=torch.nan)
    counts = torch.nn.functional.pad(weight.view(6, 10), (3, 20))
    monkeypatch.setattr(whitening_triton, "FEW", few)
    monkeypatch.setattr(whitening_triton, "PROGRAMS", programs)
    assert_same(moments(x, weight, 1e-8), expected)
    assert_same(moments(x[order], weight[order], 1e-8), expected)
    assert_same(moments(wide, counts, 1e-8), expected)
    assert_same(moments(x, weight.to(torch.float32), 1e-8), expected)
    plain = standardize(x, weight, 1e-8)
    assert_same(standardize(wide, counts, 1e-8)[:, 3:13].reshape(-1), plain)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("value", [100.3, NIGHTLY(-9.7), NIGHTLY(1e30)])
@pytest.mark.parametrize("size", [3, 40])
def test_equal_values_have_that_mean_and_whiten_to_exactly_zero(value, size):
    for dtype in (torch.float32, F64):
        x = torch.full((size,), value, dtype=dtype)
        for weight in (torch.ones_like(x, dtype=torch.bool), torch.full_like(x, 0.3)):
            mean, rstd = moments(x, weight, 1e-8)
            assert mean == x[0].to(F64)
            assert rstd == 1e4
            assert not standardize(x, weight, 0.0).any()


@pytest.mark.usefixtures("way")
def test_nothing_counted_and_weights_of_at_most_one():
    x = torch.tensor([1.0, 2.0, torch.nan] * 9)
    nothing = torch.tensor([0.0, -1.0, torch.nan] * 9)
    assert [m.item() for m in moments(x, nothing, 0.25)] == [0, 2]
    assert [m.item() for m in moments(x, nothing, 0.0)] == [0, 0]
    assert not standardize(x, nothing, 0.25).any()
    # weights 1/2 and 1/4: a mean, no variance
    assert [m.item() for m in moments(x[:2], torch.tensor([0.5, 0.25]), 0.25)] == [4 / 3, 2]


@pytest.mark.usefixtures("way")
def test_values_are_written_into_out_and_nowhere_else():
    x, weight = draws(4, 60)
    x, weight = x.view(6, 10), weight.view(6, 10)
    expected = standardize(x, weight, 1e-8)
    for around in (torch.full((8, 10), 77.0, dtype=F64), torch.full((8, 14), 77.0, dtype=F64)):
        left = (around.shape[1] - 10) // 2
        out = around[1:7, left : left + 10]
        assert standardize(x, weight, 1e-8, out).data_ptr() == out.data_ptr()
        assert_same(out, expected)
        out.fill_(77)
        assert (around == 77).all()
    out = torch.empty(10, 6, dtype=F64).T
    assert_same(standardize(x, weight, 1e-8, out), expected)
    # What is read may lie apart too, and may be what is written.
    apart = torch.cat([x, x], 1)[:, :10]
    assert_same(standardize(apart, weight, 1e-8, apart), expected)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("shape", [(0,), (0, 4), (4, 0)])
def test_empty_shapes(shape):
    x = torch.ones(shape)
    assert standardize(x, x > 0, 1e-8).shape == shape
    assert [m.item() for m in moments(x, x > 0, 0.25)] == [0, 2]


def test_one_launch_up_to_a_size_three_beyond(monkeypatch):
    launched = []
    for name in ("one_program", "range_kernel", "sums_kernel", "whiten_kernel"):
        monkeypatch.setattr(whitening_triton, name, Spy(getattr(whitening_triton, name), launched))
    monkeypatch.setattr(whitening_triton, "FEW", 50)
    x = torch.ones(51)
    standardize(x[:50], x[:50], 1e-8)
    assert [len(grid) for grid in launched] == [1]
    moments(x, x, 1e-8)
    standardize(x, x, 1e-8)
    assert len(launched) == 1 + 3 + 3


class Spy:
    """A kernel that notes its launches."""

    def __init__(self, kernel, launched):
        self.kernel, self.launched = kernel, launched

    def __getitem__(self, grid):
        self.launched.append(grid)
        return self.kernel[grid]
