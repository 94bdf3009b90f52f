"""Moments that add up: worked cases, one pass over everything, and any order of the parts."""

import doctest
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers import F64
from hypothesis import given, settings
from hypothesis import strategies as st

import creditlib as cl
from creditlib import ContractError
from creditlib.algebra import whitening_stats
from creditlib.streaming import Moments, moments
from creditlib.testing import agree

SEED = 5
NOTHING = Moments()


def tensor(*values):
    return torch.tensor(values, dtype=F64)


def numbers(found):
    return tensor(found.count, found.mean, found.square, found.low, found.high)


def test_two_parts_by_hand():
    # 1, 3: mean 2, square 2. 5, 7, 9: mean 7, square 8. d = 5: mean 2 + 5 · 3/5 = 5,
    # square 2 + 8 + 25 · 6/5 = 40 = 16 + 4 + 0 + 4 + 16.
    first, second = NOTHING.add(tensor(1, 3)), NOTHING.add(tensor(5, 7, 9))
    assert first == Moments(2, 2, 2, 1, 3)
    assert second == Moments(3, 7, 8, 5, 9)
    assert agree(numbers(first.merge(second)), tensor(5, 5, 40, 1, 9))
    assert agree(numbers(first.add(tensor(5, 7, 9))), tensor(5, 5, 40, 1, 9))


def test_weights_count_a_value_several_times():
    # 1 twice, 4 once: mean 2, square 1 + 1 + 4; the value of weight 0 is not read.
    found = NOTHING.add(tensor(1, 4, math.nan), torch.tensor([2, 1, 0]))
    assert found == NOTHING.add(tensor(1, 1, 4))
    assert found == Moments(3, 2, 6, 1, 4)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=5),
    data=st.data(),
)
def test_parts_in_any_order_are_one_pass(values, cuts, data):
    x = tensor(*values)
    weight = tensor(*data.draw(st.lists(st.integers(0, 3), min_size=len(x), max_size=len(x))))
    ends = sorted({min(cut, len(x)) for cut in cuts} | {0, len(x)})
    parts = [NOTHING.add(x[a:b], weight[a:b]) for a, b in pairwise(ends)]
    one = NOTHING.add(x, weight)
    found = NOTHING
    for part in data.draw(st.permutations(parts)):
        found = found.merge(part)
    if one.count == 0:
        assert found == NOTHING
        return
    size = max(1.0, abs(one.low), abs(one.high))
    assert agree(numbers(found) / tensor(1, size, size**2, size, size),
                 numbers(one) / tensor(1, size, size**2, size, size))  # fmt: skip
    assert (found.low, found.high) == (one.low, one.high)


def test_whitening_over_flushes_is_that_of_the_batch():
    random = np.random.default_rng(SEED)
    credit = torch.from_numpy(random.normal(3.0, 0.1, size=(60, 4)))
    count = torch.from_numpy(random.integers(0, 9, size=(60, 4)))
    found = NOTHING
    for start in range(0, 60, 7):
        found = found.add(credit[start : start + 7], count[start : start + 7])
    mean, rstd = found.numbers()
    assert agree(tensor(mean, rstd), torch.stack(whitening_stats(credit, count)))
    whitened = torch.where(count > 0, (credit - mean) * rstd, 0)
    assert agree(whitened, cl.whiten(credit, count))


def test_the_scale_of_the_batch_over_flushes():
    """grpo with scale_over="batch" is the centered reward over the deviation of all rewards."""
    random = np.random.default_rng(SEED)
    reward, group = torch.from_numpy(random.normal(size=24)), torch.arange(24) // 4
    whole = cl.grpo(reward=reward, group=group, scale_over="batch", eps=0.0)
    found = NOTHING
    for start in range(0, 24, 4):
        found = found.add(reward[start : start + 4])
    centered = cl.grpo(reward=reward, group=group, scale=None)
    assert agree(centered / found.std(), whole)
    assert agree(tensor(found.std(0)), reward.std(correction=0)[None])


@pytest.mark.parametrize("value", [0.1, 1e8 + 0.1, -3.0])
def test_equal_values_have_exactly_their_mean(value):
    found = NOTHING.add(tensor(*[value] * 7)).merge(NOTHING.add(tensor(*[value] * 3)))
    assert (found.mean, found.square, found.count) == (value, 0.0, 10.0)


def test_a_large_mean_costs_no_digits():
    random = np.random.default_rng(SEED)
    near = torch.from_numpy(random.normal(size=500))
    far = NOTHING.add(1e6 + near[:123]).merge(NOTHING.add(1e6 + near[123:]))
    assert agree(tensor(far.std()), near.std()[None])


def test_moments_of_nothing():
    some = NOTHING.add(tensor(1, 2))
    assert NOTHING.merge(some) == some.merge(NOTHING) == some
    assert NOTHING.add(torch.zeros(0, 3)) == NOTHING
    assert some.add(tensor(math.nan), torch.tensor([False])) == some
    assert agree(tensor(*NOTHING.numbers()), torch.stack(whitening_stats(tensor(), tensor())))
    assert (NOTHING.numbers(eps=0.0), NOTHING.std(), NOTHING.add(tensor(4)).std()) == ((0, 0), 0, 0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.int64, torch.bool])
def test_any_dtype_is_read_in_float64(dtype):
    assert NOTHING.add(torch.tensor([0, 1, 1], dtype=dtype)).mean == 2 / 3


def test_moments_are_frozen_and_go_through_a_checkpoint():
    found = NOTHING.add(tensor(1, 3))
    assert pickle.loads(pickle.dumps(found)) == found
    with pytest.raises(AttributeError):
        found.count = 0.0
    assert found == NOTHING.add(tensor(1, 3))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: NOTHING.add([1.0]), "Moments.add: `values` must be a tensor, got list."),
        (
            lambda: NOTHING.add(tensor(1, 2), tensor(1)),
            "Moments.add: `weight` must be (2,) like `values`, got torch.float64 (1,).",
        ),
        (
            lambda: NOTHING.add(tensor(1, 2), tensor(1, -1)),
            "Moments.add: `weight` must be finite numbers of at least 0, got -1.",
        ),
        (
            lambda: NOTHING.add(tensor(1, math.nan)),
            "Moments.add: `values` must be finite and at most 1e+150 in size wherever its weight "
            "is above 0, got nan; give it the weight 0.",
        ),
        (lambda: NOTHING.merge(3), "Moments.merge: `other` must be Moments, got int."),
        (
            lambda: NOTHING.numbers(eps=-1.0),
            "Moments.numbers: `eps` must be a number of at least 0, got -1.0.",
        ),
        (lambda: NOTHING.std(2), "Moments.std: `ddof` must be 0 or 1, got 2."),
    ],
)
def test_bad_input_is_one_sentence(call, sentence):
    with pytest.raises(ContractError) as error:
        call()
    assert str(error.value) == sentence


def test_examples_run():
    assert doctest.testmod(moments).failed == 0
