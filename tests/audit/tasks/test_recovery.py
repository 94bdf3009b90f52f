"""recovery: a mistake that a later turn repairs."""

import torch

from creditlib.audit.sample import every_group
from creditlib.audit.tasks import recovery


def test_sizes():
    task = recovery()
    assert (len(task.states), len(task.observations), task.turns, task.actions) == (7, 7, 4, 2)
    assert task.turn_names == ("start", "wait 1", "wait 2", "repair")


def test_solved_by_the_first_action_or_the_last():
    task = recovery()
    every = every_group(task, task.uniform(), size=1)
    solved = (every.action[:, 0] == 0) | (every.action[:, 3] == 0)
    assert torch.equal(every.at_outcome(task.success).any(1), solved)
    assert torch.equal(every.at_outcome(task.reward).sum(1), solved.double())


def test_a_repaired_mistake_has_a_positive_return_and_a_negative_advantage():
    task = recovery()
    every = every_group(task, task.uniform(), size=1)
    repaired = (every.action[:, 0] == 1) & (every.action[:, 3] == 0)
    assert (every.at_outcome(task.reward).sum(1)[repaired] == 1).all()
    assert (every.advantage[repaired, 0] == -0.25).all()
    assert (every.advantage[:, 1:3] == 0).all()
