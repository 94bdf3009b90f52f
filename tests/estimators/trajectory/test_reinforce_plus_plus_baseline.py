"""REINFORCE++ with a group baseline by hand, against a loop, and its degenerate cases."""

import pytest
import torch
from helpers import F64, assert_same, deviation, mean, members
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    # c = ±1 with 1 and 3 tokens, 0 alone with 1: mean over tokens (1 − 3)/5 = −0.4;
    # squares 1.4² + 3·0.6² + 0.4² = 1.96 + 1.08 + 0.16 = 3.2, over 4: 0.8
    tensors = {
        "reward": torch.tensor([2.0, 0.0, 9.0], dtype=F64),
        "group": torch.tensor([3, 3, 1]),
        "length": torch.tensor([1, 3, 1]),
    }
    result = cl.reinforce_plus_plus_baseline(**tensors, eps=0.0)
    assert_close(result, torch.tensor([1.4, -0.6, 0.4], dtype=F64) / 0.8**0.5)


@pytest.mark.parametrize("lone", ["zero", "raw"])
@given(seed=st.integers(0, 10**6))
def test_against_a_loop(lone, seed):
    x = random_arguments(cl.reinforce_plus_plus_baseline, seed=seed, dtype=F64, optional=True)
    value, take = x["reward"].tolist(), x["valid"].tolist()
    length = [n if t else 0 for n, t in zip(x["length"].tolist(), take, strict=True)]
    centered = [0.0] * len(value)
    for own in members(x["group"].tolist(), take).values():
        for i in own:
            centered[i] = value[i] - mean([value[k] for k in own])
            if len(own) == 1 and lone == "raw":
                centered[i] = value[i]
    tokens = [c for c, n in zip(centered, length, strict=True) for _ in range(n)]
    scale = (deviation(tokens) ** 2 + 0.3) ** 0.5
    expected = [
        (c - mean(tokens)) / scale if n else 0.0 for c, n in zip(centered, length, strict=True)
    ]
    result = cl.reinforce_plus_plus_baseline(**x, eps=0.3, lone=lone)
    assert_close(result, torch.tensor(expected, dtype=F64))


def test_a_batch_of_constant_groups_gives_zero():
    tensors = {
        "reward": torch.tensor([0.7, 0.7, 100.1, 100.1, -3.3]),
        "group": torch.tensor([0, 0, 1, 1, 2]),
        "length": torch.tensor([3, 1, 0, 2, 5]),
    }
    assert_same(cl.reinforce_plus_plus_baseline(**tensors), torch.zeros(5))
