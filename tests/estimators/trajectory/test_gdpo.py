"""GDPO by hand and against a loop."""

import pytest
import torch
from helpers import F64, assert_same, deviation, mean, members, ratio
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    # objective 0: 0, 2 -> ∓1/√2 · √2/… : mean 1, deviation √2, so ∓1/√2; objective 1 is constant
    rewards = torch.tensor([[0.0, 5.0], [2.0, 5.0]], dtype=F64)
    group = torch.tensor([3, 3])
    # sums ∓1/√2 have mean 0 and variance (1/2 + 1/2)/1 = 1: whitened they stay
    result = cl.gdpo(rewards=rewards, group=group, eps=0.0, whiten_eps=0.0)
    half = 0.5**0.5
    assert_close(result, torch.tensor([-half, half], dtype=F64))
    # an eps of 3 on the variance: 1/√(1 + 3)
    result = cl.gdpo(rewards=rewards, group=group, eps=0.0, whiten_eps=3.0)
    assert_close(result, torch.tensor([-half / 2, half / 2], dtype=F64))
    # ddof 0: deviation 1, sums ∓1, variance 2
    result = cl.gdpo(rewards=rewards, group=group, eps=0.0, whiten_eps=2.0, ddof=0)
    assert_close(result, torch.tensor([-0.5, 0.5], dtype=F64))


def test_degenerate_cases():
    group = torch.tensor([3, 3])
    assert_same(cl.gdpo(rewards=torch.full((2, 3), 0.7), group=group), torch.zeros(2))
    assert cl.gdpo(rewards=torch.zeros(0, 2), group=group[:0]).shape == (0,)
    assert_same(cl.gdpo(rewards=torch.zeros(2, 0), group=group), torch.zeros(2))
    with pytest.raises(cl.ContractError, match="gdpo: `weights` must be one number for each"):
        cl.gdpo(rewards=torch.zeros(2, 3), group=group, weights=[1.0])


@pytest.mark.parametrize("lone", ["zero", "raw"])
@pytest.mark.parametrize("with_length", [False, True])
@given(seed=st.integers(0, 10**6))
def test_against_a_loop(lone, with_length, seed):
    x = random_arguments(cl.gdpo, seed=seed, dtype=F64, optional=True)
    if not with_length:
        x.pop("length")
    take, weights = x["valid"].tolist(), [1.0, 0.5, -2.0]
    sums = [0.0] * len(take)
    for k, weight in enumerate(weights):
        value = x["rewards"][:, k].tolist()
        for own in members(x["group"].tolist(), take).values():
            rewards = [value[i] for i in own]
            for i in own:
                part = ratio(value[i] - mean(rewards), deviation(rewards), 0.1)
                alone = value[i] / 1.1 if lone == "raw" else 0.0
                sums[i] += weight * (alone if len(own) == 1 else part)
    counts = x["length"].tolist() if with_length else [1] * len(take)
    counts = [h if t else 0 for h, t in zip(counts, take, strict=True)]
    pool = [s for s, h in zip(sums, counts, strict=True) for _ in range(h)]
    expected = [
        (s - mean(pool)) / (deviation(pool) ** 2 + 0.3) ** 0.5 if h else 0.0
        for s, h in zip(sums, counts, strict=True)
    ]
    result = cl.gdpo(**x, weights=weights, eps=0.1, whiten_eps=0.3, lone=lone)
    assert_close(result, torch.tensor(expected, dtype=F64))
