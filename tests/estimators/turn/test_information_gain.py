"""Information gain by hand, and that it telescopes."""

import torch
from helpers import F64, assert_same

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    belief = torch.tensor([[0.25, 0.5, 1.0], [0.5, torch.nan, torch.nan]], dtype=F64).log()
    count = torch.tensor([3, 1])
    gain = cl.information_gain(gold_log_prob=belief, turn_count=count)
    assert_close(gain, torch.tensor([[0.25, 0.5, 0], [0, 0, 0]], dtype=F64))
    # log 2 each
    gain = cl.information_gain(gold_log_prob=belief, turn_count=count, difference="log_prob")
    expected = torch.tensor([[0.5, 0.5, 0], [0, 0, 0]], dtype=F64)
    assert_close(gain, expected * torch.tensor(4.0, dtype=F64).log())


def test_gains_telescope_to_the_last_belief_minus_the_first():
    x = random_arguments(cl.information_gain, dtype=F64)
    total = cl.information_gain(**x).sum(1)
    belief, last = x["gold_log_prob"].exp(), (x["turn_count"] - 1).clamp(min=0)
    rise = belief.gather(1, last[:, None])[:, 0] - belief[:, 0]
    assert_close(total, torch.where(x["turn_count"] > 0, rise, 0))


def test_trajectories_of_one_turn_or_none_gain_nothing():
    belief = torch.tensor([[-1.0, 5.0], [-1.0, 5.0]])
    gain = cl.information_gain(gold_log_prob=belief, turn_count=torch.tensor([1, 0]))
    assert_same(gain, torch.zeros(2, 2))


def test_excluded_rows_gain_nothing():
    belief, valid = torch.tensor([[-1.0, 5.0]]), torch.tensor([False])
    gain = cl.information_gain(gold_log_prob=belief, turn_count=torch.tensor([2]), valid=valid)
    assert_same(gain, torch.zeros(1, 2))
