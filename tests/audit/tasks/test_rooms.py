"""rooms: a corridor whose states repeat."""

import pytest
import torch

from creditlib.audit.sample import sample, walk
from creditlib.audit.tasks import rooms


@pytest.mark.parametrize(("turns", "states"), [(16, 81), (20, 105)])
def test_sizes(turns, states):
    task = rooms(turns=turns)
    found = (len(task.states), len(task.observations), task.turns, task.actions)
    assert found == (states, 6, turns, 4)


def test_forward_back_and_still():
    """Room 1: action 1 goes on, action 2 goes back, and actions 0 and 3 stay."""
    task = rooms(n=3, turns=4)
    room = task.states.index((1, 1))
    reached = [task.states[i][0] for i in task.next[room, :, 0].tolist()]
    assert reached == [1, 2, 0, 1]
    assert task.signals["progress"][room, :, 0].tolist() == [1.0, 2.0, 0.0, 1.0]


def played(task, *actions):
    """The trajectory of given actions."""
    logits = torch.full((1, len(task.observations), task.actions), 0.0, dtype=torch.float64)
    luck = torch.full((2, task.turns, 1), 0.5, dtype=torch.float64)
    luck[0, : len(actions), 0] = (torch.tensor(actions) + 0.5) / task.actions
    return walk(task, logits, luck, size=1)


def test_the_last_door_solves():
    task = rooms(n=3, turns=6)
    won = played(task, 0, 1, 2)
    assert won.turn_count.tolist() == [3]
    assert won.at_outcome(task.reward)[0, :3].tolist() == [0.0, 0.0, 1.0]
    late = played(task, 1, 1, 1, 0, 1, 3)
    assert late.turn_count.tolist() == [6]
    assert not late.at_outcome(task.success).any()
    assert late.observation.tolist() == [[0, 0, 0, 0, 1, 2]]


def test_without_anchors_no_observation_repeats():
    task = rooms(anchors=False)
    assert len(task.observations) == len(task.states) == 105
    for drawn in sample(task, task.uniform(), groups=2, size=4).observation:
        met = drawn[drawn >= 0].tolist()
        assert len(met) == len(set(met))
