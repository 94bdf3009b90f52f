"""Reverse scans, padded and packed, against loops."""

import pytest
import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

from creditlib.inputs import layouts
from creditlib.inputs.layouts import rows_of
from creditlib.ops.scans.reference import reverse_affine, reverse_minimum, shift_left
from creditlib.testing import assert_close

SHAPES = [(0, 0), (0, 3), (3, 0), (1, 1), (7, 7), (3, 64), (2, 129)]


def affine_loop(value, decay):
    result = [0.0] * len(value)
    carry = 0.0
    for t in reversed(range(len(value))):
        carry = result[t] = value[t] + decay[t] * carry
    return result


def draws(seed, shape):
    draw = torch.Generator().manual_seed(seed)
    value = torch.randn(shape, generator=draw, dtype=F64)
    return value, torch.rand(shape, generator=draw, dtype=F64)


def test_affine_by_hand():
    # 4, then 0 + 0.5·4 = 2, then 1 + 0·2 = 1 (the decay of 0 cuts), then 1 + 1·1 = 2
    value = torch.tensor([[1.0, 1.0, 0.0, 4.0]])
    decay = torch.tensor([[1.0, 0.0, 0.5, 0.25]])
    assert reverse_affine(value, decay).tolist() == [[2, 1, 2, 4]]


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=st.integers(0, 10**6))
def test_affine_against_a_loop(shape, seed):
    value, decay = draws(seed, shape)
    expected = [affine_loop(v, d) for v, d in zip(value.tolist(), decay.tolist(), strict=True)]
    assert_close(reverse_affine(value, decay), torch.tensor(expected, dtype=F64).reshape(shape))


@given(lengths=st.lists(st.integers(0, 9), max_size=9), seed=st.integers(0, 10**6))
def test_packed_equals_padded(lengths, seed):
    count = torch.tensor(lengths, dtype=torch.int64)
    value, decay = draws(seed, (len(lengths), 9))
    packed, offsets = layouts.pack(value, count)
    row = rows_of(offsets, len(packed))
    kept = torch.arange(9) < count[:, None]
    padded = reverse_affine(torch.where(kept, value, 0), decay)
    scanned = reverse_affine(packed, layouts.pack(decay, count)[0], row)
    assert_close(scanned, layouts.pack(padded, count)[0])
    lowest = reverse_minimum(torch.where(kept, value, torch.inf))
    assert_same(reverse_minimum(packed, row), layouts.pack(lowest, count)[0])


def test_what_is_not_finite_stays_in_its_packed_row():
    value, row = torch.tensor([1.0, 2.0, torch.nan, 4.0]), torch.tensor([0, 0, 1, 2])
    scanned = reverse_affine(value, torch.ones(4), row)
    assert scanned[:2].tolist() == [3, 2]
    assert scanned[2].isnan()
    assert scanned[3] == 4


def test_minimum_by_hand():
    assert reverse_minimum(torch.tensor([[3.0, 1.0, 2.0], [1.0, 2.0, 3.0]])).tolist() == [
        [1, 1, 2],
        [1, 2, 3],
    ]
    row = torch.tensor([0, 0, 1])
    assert reverse_minimum(torch.tensor([3.0, 2.0, 1.0]), row).tolist() == [2, 2, 1]


@pytest.mark.parametrize("shape", SHAPES)
def test_minimum_against_a_loop(shape):
    x, _ = draws(1, shape)
    expected = [[min(row[k:]) for k in range(len(row))] for row in x.tolist()]
    assert_same(reverse_minimum(x), torch.tensor(expected, dtype=F64).reshape(shape))


@pytest.mark.parametrize(("by", "expected"), [(0, [1, 2]), (1, [2, 9]), (2, [9, 9]), (5, [9, 9])])
def test_shift_left_by_hand(by, expected):
    assert shift_left(torch.tensor([1, 2]), by, 9).tolist() == expected
    assert shift_left(torch.tensor([[1.0, 2.0]]), by, 9).tolist() == [expected]
