"""Statistics in float64, results in float32 or better."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from creditlib.ops.precision import as_float, float_dtype, narrow, reproducible_sum, wide
from creditlib.testing import assert_close

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.parametrize("dtype", [*DTYPES, torch.int64, torch.bool])
def test_statistics_are_computed_in_float64(dtype):
    x = torch.ones(2, dtype=dtype)
    assert wide(x).dtype == torch.float64
    assert wide(x).tolist() == [1, 1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_results_leave_in_float32_or_in_float64_for_float64(dtype):
    expected = torch.float64 if dtype == torch.float64 else torch.float32
    result, x = torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=dtype)
    assert narrow(result, x).dtype == expected
    assert narrow(result, torch.zeros(2), None, x).dtype == expected
    assert as_float(x).dtype == float_dtype(x) == expected


def test_steady_sum_by_hand():
    assert reproducible_sum(torch.tensor([1.0, 0.0, 2.0, 4.0]), torch.tensor(3)) == 7
    assert reproducible_sum(torch.zeros(3), torch.tensor(0)) == 0
    assert reproducible_sum(torch.zeros(0, 4), torch.tensor(0)) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(seed=st.integers(0, 10**6), size=st.integers(1, 200), decades=st.integers(0, 12))
def test_steady_sum_is_exact_to_float64_and_deaf_to_order_and_zeros(dtype, seed, size, decades):
    draw = torch.Generator().manual_seed(seed)
    power = torch.randint(-decades, 1, (size,), generator=draw)
    x = (torch.rand(size, generator=draw, dtype=torch.float64) * 10.0**power).to(dtype)
    if dtype == torch.float64:
        x = x * torch.randint(0, 2, (size,), generator=draw).mul(2).sub(1)
    count = torch.tensor(size)
    total = reproducible_sum(x, count)
    exact = sum(map(Fraction, x.tolist()))
    assert_close(total, torch.tensor(float(exact), dtype=torch.float64))
    shuffled = x[torch.randperm(size, generator=draw)]
    assert torch.equal(reproducible_sum(shuffled, count), total)
    assert torch.equal(reproducible_sum(torch.cat([x.new_zeros(37), shuffled]), count), total)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_outlier_costs_the_small_terms_nothing(dtype):
    x = torch.full((2**20,), 1e-8, dtype=dtype)
    x[0] = 1
    exact = 1 + (2**20 - 1) * x[1].item()
    assert_close(reproducible_sum(x, torch.tensor(2**20)), torch.tensor(exact, dtype=torch.float64))
    mixed = torch.where(torch.arange(2**20) % 3 == 0, -x, x)
    backwards = reproducible_sum(mixed.flip(0), torch.tensor(2**20))
    assert torch.equal(reproducible_sum(mixed, torch.tensor(2**20)), backwards)
