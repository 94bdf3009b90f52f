"""HGPO by hand: nested groups of turns, constants that are exactly 0, and its special case."""

import math

import pytest
import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

pytestmark = pytest.mark.usefixtures("quick_backend")


def test_by_hand():
    """Rows 0 and 1 came to state 6 from state 5, row 2 came from state 4."""
    batch = {
        "turn_reward": torch.tensor([[0.0, 3.0], [0.0, 1.0], [0.0, 2.0]], dtype=F64),
        "group": torch.tensor([0, 0, 0]),
        "anchor": torch.tensor([[5, 6], [5, 6], [4, 6]]),
        "turn_count": torch.tensor([2, 2, 2]),
        "scale": None,
        "gamma": 1.0,
    }
    # Returns 3, 1, 2 at both turns. n = 1, weight 2: at turn 0, 3 and 1: 1, -1; row 2 is alone.
    # Turn 1 compares 3, 1, 2 around 2: 1, -1, 0. n = 2, weight 3: 3 and 1 around 2: 1, -1.
    # Row 2, turn 1: n = 1 gives 0, which counts nothing; n = 2 has no peer.
    assert cl.hgpo(**batch).tolist() == [[1, 1], [-1, -1], [0, 0]]
    outcome = torch.tensor([2.0, 0.0, 4.0], dtype=F64)
    # base: 2, 0, 4 around 2, with weight 1: 0, -2, 2. Where it is 0, it counts nothing.
    # Row 1, turn 0: (1·(-2) + 2·(-1)) / 3; turn 1: (1·(-2) + 2·(-1) + 3·(-1)) / 6.
    found = cl.hgpo(**batch, reward=outcome, base="trajectory")
    assert_close(found, torch.tensor([[1, 1], [-4 / 3, -7 / 6], [2, 2]], dtype=F64))


def test_the_longer_history_counts_more_by_hand():
    batch = {
        "turn_reward": torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, 1.0]], dtype=F64),
        "group": torch.tensor([0, 0, 0]),
        "anchor": torch.tensor([[5, 6], [5, 6], [4, 6]]),
        "turn_count": torch.tensor([2, 2, 2]),
        "eps": 0.0,
    }
    # Turn 1, n = 1: 1, 0, 1 around 2/3, deviation √2/3: 1/√2, -√2, 1/√2. n = 2: 1, -1.
    for power, (one, two) in {0.0: (1, 1), 1.0: (2, 3), 2.0: (4, 9)}.items():
        row0 = (one / math.sqrt(2) + two) / (one + two)
        row1 = (-one * math.sqrt(2) - two) / (one + two)
        found = cl.hgpo(**batch, length_weight=power)[:, 1]
        assert_close(found, torch.tensor([row0, row1, 1 / math.sqrt(2)], dtype=F64))


@pytest.mark.parametrize("value", [0.9, 0.95, 1 / 3])
def test_equal_returns_are_exactly_zero_and_count_nothing(value):
    """In float32 the mean of three equal returns of 0.9 is not 0.9."""
    batch = {
        "turn_reward": torch.tensor([[0.0, value]] * 3),
        "group": torch.tensor([0, 0, 0]),
        "anchor": torch.tensor([[5, 6]] * 3),
        "turn_count": torch.tensor([2, 2, 2]),
    }
    assert_same(cl.hgpo(**batch), torch.zeros(3, 2))


@given(seed=st.integers(0, 10**6), scale=st.sampled_from(["std", None]))
def test_without_history_it_is_the_step_term_of_gigpo(seed, scale):
    x = random_arguments(cl.hgpo, seed=seed, dtype=F64)
    options = {"gamma": 0.9, "scale": scale, "ddof": 0}
    reward = torch.zeros_like(x["turn_reward"][:, 0])
    assert_same(cl.hgpo(**x, history=0, **options), cl.gigpo(**x, reward=reward, **options))


@given(seed=st.integers(0, 10**6))
def test_distinct_states_get_nothing(seed):
    x = random_arguments(cl.hgpo, seed=seed)
    x["anchor"] = torch.arange(x["anchor"].numel()).view_as(x["anchor"])
    assert_same(cl.hgpo(**x), torch.zeros_like(x["turn_reward"]))


def test_base_needs_an_outcome(refusal):
    x = random_arguments(cl.hgpo)
    assert refusal(cl.hgpo, **x, base="turn") == (
        "hgpo: `reward` must be given with `base`, got None."
    )
