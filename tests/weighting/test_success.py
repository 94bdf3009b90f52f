"""Weights by the success of the batch, by hand and against a loop."""

import math

import pytest
import torch
from helpers import F64, assert_same, mean, members
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def weights(credit, solved, group, **more):
    return cl.grae_weight(
        credit=torch.tensor(credit, dtype=F64),
        solved=torch.tensor(solved).bool(),
        group=torch.tensor(group),
        **more,
    )


def test_by_hand():
    # Group 0 solves 1 of 4, group 1 both: p is 1/4 and 1, P = 5/8. With eps 0 group 0 has
    # ½ · (3/8 / ½ + 5/8 / ½) = 1, and group 1 ½ · 5/8 = 5/16: the term over 1 − √1 is left out.
    credit = [3.0, -1.0, -1.0, -1.0, 1.0, -1.0]
    solved, group = [1, 0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1]
    found = weights(credit, solved, group, eps=0.0)
    assert_close(found, torch.tensor([5 / 8, 1, 1, 1, 5 / 8 * 5 / 16, 5 / 16]))
    # Positive credit counts in full from P = 1/2 on.
    found = weights(credit, solved, group, eps=0.0, alpha=0.5)
    assert_close(found, torch.tensor([1, 1, 1, 1, 5 / 16, 5 / 16]))


def test_a_lone_row_has_a_small_weight_and_counts_with_what_it_earned():
    # p is 1/2 and 1: P = 3/4. The lone row: ½ · 3/4, damped by 3/4 where its credit is positive.
    found = weights([1.0, -1.0, 1.0], [1, 0, 1], [0, 0, 1], eps=0.0)
    root = math.sqrt(0.5)
    pair = ((1 / 4) / (1 - root) + (3 / 4) / root) / 2
    assert_close(found, torch.tensor([pair * 3 / 4, pair, 9 / 32], dtype=F64))


@pytest.mark.parametrize("solved", [True, False])
def test_a_batch_without_a_difference_has_the_weight_of_one_term(solved):
    # P = p = 1: ½ · 1 / (1 + eps). P = p = 0: ½ · 1 / (1 + eps), and positive credit counts 0.
    found = weights([1.0, -1.0], [solved] * 2, [0, 0], eps=0.0)
    assert found.tolist() == ([0.5, 0.5] if solved else [0.0, 0.5])


def test_no_weight_is_far_from_one_whatever_a_reward_adds():
    """A group without success may have credit: of a reward that also pays the format."""
    reward = torch.tensor([0.1, 0.0, 1.0, 0.0])
    solved, group = torch.tensor([False, False, True, False]), torch.tensor([0, 0, 1, 1])
    credit = cl.grpo(reward=reward, group=group)
    assert float(cl.grae_weight(credit=credit, solved=solved, group=group).max()) < 2


def test_excluded_rows_get_nothing_and_change_nothing():
    found = weights([1.0, -1.0, 1.0], [1, 0, 1], [0, 0, 1], valid=torch.tensor([True, True, False]))
    assert_same(found, torch.cat([weights([1.0, -1.0], [1, 0], [0, 0]), torch.zeros(1, dtype=F64)]))


@given(seed=st.integers(0, 10**6))
def test_against_a_loop(seed):
    x = random_arguments(cl.grae_weight, seed=seed, dtype=F64, optional=True)
    solved, credit = x["solved"].tolist(), x["credit"].tolist()
    groups = members(x["group"].tolist(), x["valid"].tolist())
    share = {key: mean([float(solved[i]) for i in own]) for key, own in groups.items()}
    batch = mean(list(share.values())) if share else 0.0
    expected = torch.zeros(len(credit), dtype=F64)
    for key, own in groups.items():
        p = share[key]
        hard = (1 - batch) / (1 - math.sqrt(p) + 0.01) if p < 1 else 0.0
        easy = batch / (math.sqrt(p) + 0.01) if p > 0 else 0.0
        for i in own:
            expected[i] = (hard + easy) / 2 * (min(1, batch / 0.5) if credit[i] > 0 else 1)
    assert_close(cl.grae_weight(**x, alpha=0.5, eps=0.01), expected)
