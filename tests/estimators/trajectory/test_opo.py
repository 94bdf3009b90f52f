"""OPO by hand and against a loop."""

import torch
from helpers import F64, assert_same, members
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    # (1·4 + 3·0) / (1 + 3) = 1; a lone trajectory gets 0
    reward, length = torch.tensor([4.0, 0.0, 9.0]), torch.tensor([1, 3, 2])
    group = torch.tensor([5, 5, 6])
    assert cl.opo(reward=reward, group=group, length=length).tolist() == [3, -1, 0]
    raw = cl.opo(reward=reward, group=group, length=length, lone="raw")
    assert raw.tolist() == [3, -1, 9]


def test_a_group_without_a_token_gives_zero():
    nothing = torch.zeros(2, dtype=torch.int64)
    result = cl.opo(reward=torch.tensor([1.0, 5.0]), group=nothing, length=nothing)
    assert_same(result, torch.zeros(2))


def test_a_constant_group_gives_zero():
    one, length = torch.zeros(7, dtype=torch.int64), torch.arange(7)
    assert_same(cl.opo(reward=torch.full((7,), 0.7), group=one, length=length), torch.zeros(7))


@given(seed=st.integers(0, 10**6))
def test_against_a_loop(seed):
    x = random_arguments(cl.opo, seed=seed, dtype=F64, optional=True)
    value, row_weight = x["reward"].tolist(), x["length"].tolist()
    expected = [0.0] * len(value)
    for own in members(x["group"].tolist(), x["valid"].tolist()).values():
        mass = sum(row_weight[k] for k in own)
        for i in own:
            if mass and len(own) > 1:
                expected[i] = value[i] - sum(row_weight[k] * value[k] for k in own) / mass
    assert_close(cl.opo(**x), torch.tensor(expected, dtype=F64))
