"""The margin of an action by hand, and what tells nothing."""

import pytest
import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

pytestmark = pytest.mark.usefixtures("quick_backend")


def test_by_hand():
    """Three trajectories start from state 5; two take action 1 and one takes action 2."""
    batch = {
        "reward": torch.tensor([1.0, 0.0, 0.0], dtype=F64),
        "group": torch.tensor([0, 0, 0]),
        "anchor": torch.tensor([[5, 6], [5, 6], [5, 7]]),
        "action": torch.tensor([[1, 3], [1, 3], [2, 3]]),
        "turn_count": torch.tensor([2, 2, 2]),
        "gamma": 0.5,
        "prior": 1.0,
    }
    # Turn 0: mean of state 5 is 1/3; of action 1 it is 1/2, of action 2 it is 0. Beliefs are
    # 2/(2 + 1) and 1/(1 + 1). g = 2/3 · 1/6 = 1/9 and 1/2 · (-1/3) = -1/6.
    # Turn 1: state 6 saw one action, and so did state 7: g = b = 0.
    # G is g at turn 0, Z the belief: A = (2/3)/(2/3 + 1) · 1/9 = 2/5 · 1/9, (1/2)/(3/2) · (-1/6).
    found = cl.action_margin(**batch)
    wanted = torch.tensor([[2 / 45, 0], [2 / 45, 0], [-1 / 18, 0]], dtype=F64)
    assert_close(found, wanted, "golden")  # an eps of 1e-6 is in each divisor
    # With the return at turn 1 instead: it reaches turn 0 with gamma.
    later = {**batch, "anchor": batch["anchor"].flip(1), "action": batch["action"].flip(1)}
    # G[0] = 1/2 · 1/9 and Z[0] = 1/2 · 2/3: (1/3)/(1/3 + 1) · 1/18 = 1/72.
    assert_close(cl.action_margin(**later)[0, :1], torch.tensor([1 / 72], dtype=F64), "golden")


@given(seed=st.integers(0, 10**6))
def test_what_tells_nothing_is_exactly_zero(seed):
    x = random_arguments(cl.action_margin, seed=seed)
    zero = torch.zeros_like(x["anchor"], dtype=torch.float32)
    assert_same(cl.action_margin(**{**x, "reward": torch.full_like(x["reward"], 0.7)}), zero)
    assert_same(cl.action_margin(**{**x, "anchor": torch.full_like(x["anchor"], -1)}), zero)
    assert_same(cl.action_margin(**{**x, "action": torch.full_like(x["action"], -1)}), zero)
    assert_same(cl.action_margin(**{**x, "action": torch.zeros_like(x["action"])}), zero)
    alone = torch.arange(x["anchor"].numel()).view_as(x["anchor"])
    assert_same(cl.action_margin(**{**x, "anchor": alone}), zero)
