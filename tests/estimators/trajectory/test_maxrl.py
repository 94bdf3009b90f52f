"""MaxRL by hand and against a loop."""

import torch
from helpers import F64, assert_same, mean, members
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    # success rate 1/4: (0 − 1/4)/(1/4) = −1 and (1 − 1/4)/(1/4) = 3; with eps 1/4 half of it
    reward, group = torch.tensor([0.0, 0.0, 0.0, 1.0]), torch.full((4,), 7)
    assert cl.maxrl(reward=reward, group=group).tolist() == [-1, -1, -1, 3]
    assert cl.maxrl(reward=reward, group=group, eps=0.25).tolist() == [-0.5, -0.5, -0.5, 1.5]


def test_degenerate_cases():
    one = torch.zeros(2, dtype=torch.int64)
    assert_same(cl.maxrl(reward=torch.full((2,), 0.7), group=one), torch.zeros(2))
    assert_same(cl.maxrl(reward=torch.tensor([0.7]), group=one[:1]), torch.zeros(1))
    # a mean of 0, of zeros and of what cancels
    assert_same(cl.maxrl(reward=torch.zeros(2), group=one), torch.zeros(2))
    assert_same(cl.maxrl(reward=torch.tensor([-1.0, 1.0]), group=one), torch.zeros(2))


@given(seed=st.integers(0, 10**6))
def test_against_a_loop(seed):
    x = random_arguments(cl.maxrl, seed=seed, dtype=F64, optional=True)
    x["reward"] = x["reward"].abs()
    value, expected = x["reward"].tolist(), [0.0] * len(x["reward"])
    for own in members(x["group"].tolist(), x["valid"].tolist()).values():
        rate = mean([value[k] for k in own])
        for i in own:
            expected[i] = (value[i] - rate) / (rate + 0.1) if rate else 0.0
    assert_close(cl.maxrl(**x, eps=0.1), torch.tensor(expected, dtype=F64))
