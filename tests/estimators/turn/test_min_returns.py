"""The three min-form returns by hand, against loops, and the bounds of the soft one."""

import math

import pytest
import torch
from helpers import F64, assert_same, mean, ragged, suffix, table
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments, tolerance

SCORE = {"process_reward": torch.tensor([[0.0, 2.0, -1.0, 1.0]]), "turn_count": torch.tensor([4])}


def test_by_hand():
    # all weight on −1, the third step
    assert cl.hard_min_returns(**SCORE).tolist() == [[-1, -1, -1, 0]]
    # the smallest of what is still to come
    assert cl.suffix_min_returns(**SCORE).tolist() == [[-1, -1, -1, 1]]
    # T = 1/log 2: weights 2^−x: 1, 1/4, 2, 1/2 over 3.75; weighted: 0, 1/2, −2, 1/2
    soft = cl.softmin_returns(**SCORE, temperature=1 / math.log(2))
    assert_close(soft * 3.75, torch.tensor([[-1.0, -1.0, -1.5, 0.5]]))


def test_ties_share():
    score, three = torch.tensor([[-1.0, 0.0, -1.0]]), torch.tensor([3])
    result = cl.hard_min_returns(process_reward=score, turn_count=three)
    assert result.tolist() == [[-1, -0.5, -0.5]]


@given(seed=st.integers(0, 10**6), temperature=st.sampled_from([0.1, 1.0, 10.0]))
def test_against_loops(seed, temperature):
    x = random_arguments(cl.softmin_returns, seed=seed, dtype=F64, optional=True)
    soft, hard, literal = [], [], []
    for score, valid in zip(ragged(x["process_reward"], x["turn_count"]), x["valid"], strict=True):
        own = score if valid else []
        power = [math.exp(-v / temperature) for v in own]
        soft.append(suffix([p / sum(power) * v for p, v in zip(power, own, strict=True)]))
        hard.append(suffix([v / own.count(v) if v == min(own) else 0.0 for v in own]))
        literal.append([min(own[k:]) for k in range(len(own))])
    assert_close(cl.softmin_returns(**x, temperature=temperature), table(soft, 5))
    assert_close(cl.hard_min_returns(**x), table(hard, 5))
    assert_close(cl.suffix_min_returns(**x), table(literal, 5))


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=9), st.sampled_from([0.05, 0.1, 1.0]))
def test_the_soft_total_lies_between_minimum_and_mean(score, temperature):
    x = torch.tensor([score], dtype=F64)
    count = torch.tensor([len(score)])
    total = cl.softmin_returns(process_reward=x, turn_count=count, temperature=temperature)[0, 0]
    room = tolerance(F64)[1]
    assert min(score) - room <= total <= mean(score) + room


def test_limits_of_temperature():
    # T → 0 is the hard minimum (T = 1e-4 leaves exp(−1e4) = 0), T → ∞ the mean form
    cold = cl.softmin_returns(**SCORE, temperature=1e-4)
    assert_same(cold, cl.hard_min_returns(**SCORE))
    hot = cl.softmin_returns(**SCORE, temperature=1e9)
    assert_close(hot, torch.tensor([[2.0, 2.0, 0.0, 1.0]]) / 4)


def test_the_soft_total_is_not_monotone():
    def total(*score):
        x, count = torch.tensor([score], dtype=F64), torch.tensor([len(score)])
        return cl.softmin_returns(process_reward=x, turn_count=count, temperature=0.5)[0, 0]

    assert total(0.0, 3.0) < total(0.0, 1.0)


@pytest.mark.parametrize(
    "function", [cl.softmin_returns, cl.hard_min_returns, cl.suffix_min_returns]
)
def test_degenerate_cases(function):
    # one step gives its score, none gives nothing
    score = torch.tensor([[0.7, torch.nan], [torch.nan, torch.inf]])
    result = function(process_reward=score, turn_count=torch.tensor([1, 0]))
    assert_same(result, torch.tensor([[0.7, 0], [0, 0]]))
