"""umbrella: one choice, and noise at every turn before the last."""

import pytest
import torch

from creditlib.audit.oracle import oracle
from creditlib.audit.sample import every_group
from creditlib.audit.tasks import umbrella
from creditlib.testing import assert_close


def test_sizes():
    task = umbrella()
    assert (len(task.states), len(task.observations), task.turns, task.actions) == (30, 30, 8, 2)
    assert len(umbrella(32).states) == 2 + 4 * 31


def test_by_hand():
    """Rain or sun, then ±1: the right choice is worth +1, the wrong one -1, and nothing else is."""
    task = umbrella(3, noise=0.25)
    found = oracle(task, task.uniform())
    rain, sun = task.states.index(((1, None), 0)), task.states.index(((0, None), 0))
    assert found.advantage[[sun, rain]].tolist() == [[1.0, -1.0], [-1.0, 1.0]]
    assert (found.advantage[2:] == 0).all()
    assert task.reward[sun].tolist() == [[0.25, -0.25]] * 2


@pytest.mark.parametrize(("noise", "variance"), [(0.0, 1.0), (1.0, 3.0), (2.0, 9.0)])
def test_the_variance_of_the_return(noise, variance):
    """Three turns under the uniform policy: 1 for the choice, and noise² for each turn before."""
    task = umbrella(3, noise)
    every = every_group(task, task.uniform(), size=1)
    square = every.weight @ every.at_outcome(task.reward).sum(1).square()
    assert_close(square, torch.tensor(variance, dtype=torch.float64))
