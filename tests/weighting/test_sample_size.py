"""Kish's effective sample size by hand."""

import pytest
import torch
from helpers import F64
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        ([1.0, 1.0, 1.0], 3),  # equal weights: all of them
        ([2.0, 0.0, 0.0], 1),  # one weight: one sample
        ([1.0, 3.0], 16 / 10),  # (1 + 3)² / (1 + 9)
        ([0.0, 0.0], 0),
        ([], 0),
    ],
)
def test_by_hand(weight, expected):
    x = torch.tensor(weight, dtype=F64)
    assert_close(cl.effective_sample_size(x), torch.tensor(float(expected), dtype=F64))
    assert_close(cl.effective_sample_size(x[:, None]), torch.tensor(float(expected), dtype=F64))


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=50), st.sampled_from([1e-6, 1e6]))
def test_the_unit_does_not_matter_and_the_size_is_bounded(weight, unit):
    x = torch.tensor(weight, dtype=F64)
    size = cl.effective_sample_size(x)
    if x.max() > 1:
        assert_close(cl.effective_sample_size(x * unit), size)
        assert 1 <= size.round(decimals=6) <= len(weight)
