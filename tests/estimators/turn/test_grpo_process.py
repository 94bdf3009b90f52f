"""GRPO with process supervision by hand, against a loop, and its degenerate cases."""

import pytest
import torch
from helpers import F64, assert_same, deviation, mean, members, ragged, ratio, suffix, table
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    # the pool of turns that exist: 1, 3, 2; mean 2, deviation 1, plus eps 1
    step = torch.tensor([[1.0, 3.0], [2.0, torch.nan]], dtype=F64)
    count, group = torch.tensor([2, 1]), torch.tensor([4, 4])
    three = {"turn_reward": step, "group": group, "turn_count": count}
    # z = −1/2, 1/2 | 0; sums to come: 0, 1/2 | 0
    assert cl.grpo_process(**three, eps=1.0).tolist() == [[0, 0.5], [0, 0]]
    assert cl.grpo_process(**three, scale=None).tolist() == [[0, 1], [0, 0]]


@pytest.mark.parametrize("scale", ["std", "mean", None])
@pytest.mark.parametrize("ddof", [0, 1])
@given(seed=st.integers(0, 10**6))
def test_against_a_loop(scale, ddof, seed):
    x = random_arguments(cl.grpo_process, seed=seed, dtype=F64, optional=True)
    x["turn_reward"] = x["turn_reward"].abs() + 1  # a mean that may divide
    steps = ragged(x["turn_reward"], x["turn_count"])
    rows = [[0.0] * 5 for _ in steps]
    for own in members(x["group"].tolist(), x["valid"].tolist()).values():
        pool = [r for i in own for r in steps[i]]
        if not pool:
            continue
        spread = mean(pool) if scale == "mean" else deviation(pool, ddof)
        for i in own:
            z = [r - mean(pool) for r in steps[i]]
            rows[i] = suffix([ratio(v, spread, 0.1) if scale else v for v in z])
    result = cl.grpo_process(**x, scale=scale, ddof=ddof, eps=0.1)
    assert_close(result, table(rows, 5))


def test_pools_of_one_or_of_equals_give_zero():
    step, count = torch.full((3, 2), 0.7), torch.tensor([2, 2, 1])
    equal = cl.grpo_process(turn_reward=step, group=torch.tensor([0, 0, 1]), turn_count=count)
    assert_same(equal, torch.zeros(3, 2))
