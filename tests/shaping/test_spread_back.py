"""Rewards spread over the turns before them by hand; their sum stays."""

import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

NAN = torch.nan


def test_by_hand():
    # 7 at turn 2 in shares of 1/4, 1/2 and 1 over 7/4: 1, 2 and 4. 3 at turn 1: 1 and 2.
    found = cl.spread_back(
        turn_reward=torch.tensor([[0.0, 3.0, 7.0], [2.0, NAN, NAN]], dtype=F64),
        turn_count=torch.tensor([3, 1]),
        gamma=0.5,
    )
    assert_close(found, torch.tensor([[2, 4, 4], [2, 0, 0]], dtype=F64))


@given(seed=st.integers(0, 10**6), gamma=st.floats(0, 1))
def test_the_sum_stays(seed, gamma):
    x = random_arguments(cl.spread_back, seed=seed, dtype=F64)
    real = torch.arange(x["turn_reward"].shape[1]) < x["turn_count"][:, None]
    found = cl.spread_back(**x, gamma=gamma)
    assert_close(found.sum(1), torch.where(real, x["turn_reward"], 0).sum(1))
    unchanged = cl.spread_back(**x, gamma=0.0)
    assert_same(unchanged, torch.where(real, x["turn_reward"], 0))
