"""The weight of the future by hand, its bounds, and tokens that nobody wrote."""

import math

import pytest
import torch
from helpers import F64, assert_same

import creditlib as cl
from creditlib.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_backend")

TURN = torch.tensor([[0, -1, 0, 0]])


def weight(ratios, **options):
    log = torch.tensor([ratios], dtype=F64).log()
    old = torch.full((1, 4), -3.0, dtype=F64)
    return cl.future_weight(log_prob=log + old, old_log_prob=old, turn=TURN, **options)


def test_by_hand():
    # Log ratios a, -, b, c with a decay of 1/2: c; b + c/2; a + b/2 + c/4. The gap is skipped.
    a, b, c = math.log(1.1), math.log(0.9), math.log(1.2)
    found = weight([1.1, 2.9, 0.9, 1.2], half_life=1.0, low=0.1, high=9.0)
    wanted = [math.exp(a + b / 2 + c / 4), 0, math.exp(b + c / 2), 1.2]
    assert_close(found, torch.tensor([wanted], dtype=F64))


def test_bounds_and_the_limit_by_hand():
    # 4 is above the limit of 3 and left out; without it the last weight is 4, bounded by 1.2.
    assert_close(weight([1.0, 1.0, 1.0, 4.0]), torch.tensor([[1.0, 0, 1.0, 1.0]], dtype=F64))
    free = weight([1.0, 1.0, 0.5, 4.0], half_life=0.01, limit=None)
    assert_close(free, torch.tensor([[1.0, 0, 0.8, 1.2]], dtype=F64))


def test_equal_policies_weigh_exactly_one_and_garbage_is_unread():
    x = torch.tensor([[-1.0, torch.nan, -0.3, -7.0]])
    found = cl.future_weight(log_prob=x, old_log_prob=x, turn=TURN)
    assert_same(found, torch.tensor([[1.0, 0.0, 1.0, 1.0]]))


def test_bounds_the_wrong_way_round_are_refused(refusal):
    x = torch.zeros(1, 4)
    assert refusal(cl.future_weight, log_prob=x, old_log_prob=x, turn=TURN, low=2.0) == (
        "future_weight: `low` must be at most 1.2, which is `high`, got 2.0."
    )
