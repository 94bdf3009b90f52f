"""RLOO by hand and against a loop."""

import torch
from helpers import F64, assert_same, mean, members
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    # the others' means: (2 + 6)/2 = 4, (1 + 6)/2 = 3.5, (1 + 2)/2 = 1.5; 9 is alone
    reward, group = torch.tensor([1.0, 2.0, 9.0, 6.0]), torch.tensor([5, 5, -1, 5])
    assert cl.rloo(reward=reward, group=group).tolist() == [-3, -1.5, 0, 4.5]
    assert cl.rloo(reward=reward, group=group, lone="raw").tolist() == [-3, -1.5, 9, 4.5]


def test_valid_leaves_a_peer_out():
    reward = torch.tensor([1.0, 2.0, torch.nan])
    valid = torch.tensor([True, True, False])
    result = cl.rloo(reward=reward, group=torch.zeros(3, dtype=torch.int64), valid=valid)
    assert result.tolist() == [-1, 1, 0]


def test_a_constant_group_gives_zero():
    result = cl.rloo(reward=torch.full((7,), 100.1), group=torch.zeros(7, dtype=torch.int64))
    assert_same(result, torch.zeros(7))


@given(seed=st.integers(0, 10**6))
def test_against_a_loop(seed):
    x = random_arguments(cl.rloo, seed=seed, dtype=F64, optional=True)
    value, expected = x["reward"].tolist(), [0.0] * len(x["reward"])
    for own in members(x["group"].tolist(), x["valid"].tolist()).values():
        for i in own:
            others = [value[k] for k in own if k != i]
            expected[i] = value[i] - mean(others) if others else 0.0
    assert_close(cl.rloo(**x), torch.tensor(expected, dtype=F64))
