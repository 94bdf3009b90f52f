"""Weighted moments, against float64 loops; equal values, large offsets, padding."""

from fractions import Fraction

import pytest
import torch
from helpers import F64, QUICK, assert_same, implementation
from hypothesis import given
from hypothesis import strategies as st

from creditlib.ops.whiten import reference as whitening
from creditlib.testing import assert_close

SIZES = [0, 1, 7, 64, 129]


def both(backend):
    """The two operations of a backend."""
    return [implementation(f, backend) for f in (whitening.moments, whitening.standardize)]


def loop(values, weights, eps):
    """(mean, rstd) in exact fractions."""
    pairs = [(Fraction(x), w) for x, w in zip(values, weights, strict=True) if w > 0]
    mass = sum(w for _, w in pairs)
    mean = sum(w * x for x, w in pairs) / mass if mass else Fraction(0)
    square = sum(w * (x - mean) ** 2 for x, w in pairs)
    variance = float(square / (mass - 1)) if mass > 1 else 0.0
    return float(mean), (variance + eps) ** -0.5 if variance + eps > 0 else 0.0


def draws(seed, size):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(size, generator=draw, dtype=F64)
    weight = torch.randint(0, 4, (size,), generator=draw)
    return torch.where(weight > 0, x, torch.nan), weight


def test_by_hand(backend):
    moments, standardize = both(backend)
    # 1 twice and 4 once: mean 2, squares 1 + 1 + 4 = 6 over 3 − 1 = 3, plus eps 1: rstd 1/2
    x, weight = torch.tensor([1.0, 4.0, torch.nan], dtype=F64), torch.tensor([2, 1, 0])
    assert [m.item() for m in moments(x, weight, 1.0)] == [2, 0.5]
    assert standardize(x, weight, 1.0).tolist() == [-0.5, 1, 0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("quick", QUICK)
@given(seed=st.integers(0, 10**6), eps=st.sampled_from([0.0, 1e-8, 1.0]))
def test_against_a_loop(quick, size, seed, eps):
    check_moments(quick, size, seed, eps)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("eps", [0.0, 1.0])
def test_every_backend_against_a_loop(backend, size, eps):
    check_moments(backend, size, 1, eps)


def check_moments(backend, size, seed, eps):
    moments, standardize = both(backend)
    x, weight = draws(seed, size)
    mean, rstd = loop(x.tolist(), weight.tolist(), eps)
    ours = moments(x, weight, eps)
    assert_close(torch.stack(ours), torch.tensor([mean, rstd], dtype=F64))
    expected = torch.where(weight > 0, (x - mean) * rstd, 0)
    assert_close(standardize(x, weight, eps), expected)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("value", [0.0, 0.1, -9.7, 1e-30, 1e30])
@pytest.mark.parametrize("eps", [0.0, 1e-8])
def test_equal_values_give_exactly_zero(backend, dtype, value, eps):
    _, standardize = both(backend)
    x = torch.full((13,), value, dtype=dtype)
    assert not standardize(x, torch.ones(13, dtype=torch.bool), eps).any()


@pytest.mark.parametrize("offset", [0.0, 100.0, 1e4])
def test_a_large_common_offset_costs_no_digits(backend, offset):
    _, standardize = both(backend)
    # The values are exact in float32; so are their distances, of which whitening is made.
    x = (torch.arange(50) % 7).to(torch.float32) / 64 + offset
    every = torch.ones(50, dtype=torch.bool)
    assert_close(standardize(x, every, 0.0), standardize(x.double(), every, 0.0))


@pytest.mark.parametrize("garbage", [torch.nan, torch.inf, -1.0])
def test_garbage_that_does_not_count_is_not_read(backend, garbage):
    _, standardize = both(backend)
    x, weight = torch.tensor([1.0, 3.0, garbage]), torch.tensor([1.0, 1.0, 0.0])
    expected = standardize(x[:2], weight[:2], 1e-8)
    assert_same(standardize(x, weight, 1e-8)[:2], expected)
    # Neither is a weight that is no weight.
    padded = torch.tensor([1.0, 1.0, torch.nan if garbage != -1 else -1.0])
    assert_same(standardize(x, padded, 1e-8)[:2], expected)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("quick", QUICK)
@given(seed=st.integers(0, 10**6))
def test_order_and_padding_change_no_bit_of_the_moments(quick, dtype, seed):
    moments, _ = both(quick)
    x, weight = draws(seed, 60)
    x = (x * 10.0 ** torch.arange(-30, 30).remainder(9)).to(dtype)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(seed))
    expected = moments(x, weight, 1e-8)
    assert_same(moments(x[order], weight[order], 1e-8), expected)
    wide = torch.nn.functional.pad(x.view(6, 10), (3, 70), value=torch.nan)
    counts = torch.nn.functional.pad(weight.view(6, 10), (3, 70))
    assert_same(moments(wide, counts, 1e-8), expected)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_counts_and_is_not_finite_is_refused(backend, bad, refusal):
    """It would make every value of the batch NaN."""
    moments, standardize = both(backend)
    x, mask = torch.tensor([1.0, bad, 3.0]), torch.ones(3, dtype=torch.bool)
    for run in (moments, standardize):
        assert refusal(run, x, mask, 1e-8) == (
            "whiten: `credit` must be finite wherever its weight is above 0, "
            f"got {bad} at [1]; give it the weight 0."
        )


def test_squares_neither_overflow_nor_vanish_in_float32(backend):
    """±u and 0: the variance is u², so the result is 1, −1, 0 for every u; and under any weight."""
    _, standardize = both(backend)
    for unit in (1e20, 1e-30):
        x, mask = torch.tensor([unit, -unit, 0.0]), torch.ones(3, dtype=torch.bool)
        assert_close(standardize(x, mask, 0.0), torch.tensor([1.0, -1.0, 0.0]))
    heavy = torch.tensor([1e100, 1e100], dtype=F64)
    assert_close(standardize(torch.tensor([1.0, 3.0]), heavy, 0.0), torch.tensor([-1.0, 1.0]))


def test_what_would_overflow_is_refused(backend, refusal):
    _, standardize = both(backend)
    x = torch.tensor([1e300, -1e300], dtype=F64)
    sentence = refusal(standardize, x, torch.ones(2, dtype=torch.bool), 1e-8)
    assert sentence == (
        "whiten: `credit` must be below 1e+150 in size, got 1e+300 at [0]; give it the weight 0."
    )


def test_one_outlier_costs_the_others_no_digits(backend):
    # 2^12 values of 0 and 1 and one of 2^20: exact sums, so the float64 loop is the truth.
    x = torch.cat([torch.arange(2.0**12) % 2, torch.tensor([2.0**20])])
    moments, _ = both(backend)
    ours = moments(x, torch.ones_like(x, dtype=torch.bool), 0.0)
    assert_close(torch.stack(ours), torch.tensor(loop(x.tolist(), [1] * len(x), 0.0), dtype=F64))
