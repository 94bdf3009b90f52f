"""Pass@k by hand and against a loop, ties included."""

import pytest
import torch
from helpers import F64, assert_same, deviation, members, ratio
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

ONE = torch.zeros(4, dtype=torch.int64)


def test_by_hand():
    # the best is 6, the next 4: margin 2. Mean 3; squares 9 + 1 + 1 + 9 = 20; 20/4 = 5
    reward = torch.tensor([0.0, 2.0, 4.0, 6.0], dtype=F64)
    assert cl.pass_at_k(reward=reward, group=ONE, scale=None).tolist() == [0, 0, 0, 2]
    result = cl.pass_at_k(reward=reward, group=ONE, ddof=0, eps=0.0)
    assert_close(result, torch.tensor([0, 0, 0, 2 / 5**0.5], dtype=F64))
    # 20/3 with ddof 1, and an eps of 1
    result = cl.pass_at_k(reward=reward, group=ONE, eps=1.0)
    assert_close(result[3], torch.tensor(2 / ((20 / 3) ** 0.5 + 1), dtype=F64))


def test_ties_by_hand():
    # 6 and 6 over 2: no single one makes the group better, or each half of 4
    reward = torch.tensor([0.0, 2.0, 6.0, 6.0])
    assert cl.pass_at_k(reward=reward, group=ONE, scale=None).tolist() == [0, 0, 0, 0]
    shared = cl.pass_at_k(reward=reward, group=ONE, scale=None, ties="share")
    assert shared.tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize("ties", ["zero", "share"])
@pytest.mark.parametrize("scale", ["std", None])
def test_constant_groups_and_groups_of_one_give_zero(ties, scale):
    reward, group = torch.tensor([0.7, 0.7, 0.7, 9.0]), torch.tensor([0, 0, 0, 1])
    result = cl.pass_at_k(reward=reward, group=group, ties=ties, scale=scale)
    assert_same(result, torch.zeros(4))


@pytest.mark.parametrize("ties", ["zero", "share"])
@pytest.mark.parametrize("scale", ["std", None])
@pytest.mark.parametrize("ddof", [0, 1])
@given(seed=st.integers(0, 10**6))
def test_against_a_loop(ties, scale, ddof, seed):
    x = random_arguments(cl.pass_at_k, seed=seed, dtype=F64, optional=True)
    x["reward"] = x["reward"].round()  # many ties
    value, expected = x["reward"].tolist(), [0.0] * len(x["reward"])
    for own in members(x["group"].tolist(), x["valid"].tolist()).values():
        rewards = [value[k] for k in own]
        best = [k for k in own if value[k] == max(rewards)]
        lower = [v for v in rewards if v < max(rewards)]
        if not lower or (ties == "zero" and len(best) > 1):
            continue
        margin = (max(rewards) - max(lower)) / len(best)
        for k in best:
            expected[k] = ratio(margin, deviation(rewards, ddof), 0.1) if scale else margin
    result = cl.pass_at_k(**x, ties=ties, scale=scale, ddof=ddof, eps=0.1)
    assert_close(result, torch.tensor(expected, dtype=F64))
