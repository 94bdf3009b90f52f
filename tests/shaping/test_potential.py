"""Potential shaping by hand, and its sum over a trajectory."""

import torch
from helpers import F64
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    potential = torch.tensor([[1.0, 3.0, torch.nan], [2.0, 4.0, 8.0]])
    count, final = torch.tensor([2, 3]), torch.tensor([6.0, 1.0])
    found = cl.potential_shaping(potential=potential, turn_count=count, final=final)
    # 3 - 1, 6 - 3; 4 - 2, 8 - 4, 1 - 8
    assert found.tolist() == [[2, 3, 0], [2, 4, -7]]
    found = cl.potential_shaping(potential=potential, turn_count=count, gamma=0.5)
    # 1.5 - 1, 0 - 3; 2 - 2, 4 - 4, 0 - 8
    assert found.tolist() == [[0.5, -3, 0], [0, 0, -8]]


@given(seed=st.integers(0, 10**6))
def test_it_sums_to_the_whole_rise(seed):
    x = random_arguments(cl.potential_shaping, seed=seed, dtype=F64, optional=True)
    found = cl.potential_shaping(**x).sum(1)
    some = x["valid"] & (x["turn_count"] > 0)
    rise = torch.where(some, x["final"] - x["potential"][:, 0].nan_to_num(), 0)
    assert_close(found, rise)
