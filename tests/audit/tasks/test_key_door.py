"""key_door: a key that pays at the door, behind a hall without effect."""

import pytest
import torch

from creditlib.audit.oracle import oracle
from creditlib.audit.tasks import key_door
from creditlib.testing import assert_close

F64 = torch.float64


def test_sizes():
    task = key_door()
    assert (len(task.states), len(task.observations), task.turns, task.actions) == (15, 15, 8, 4)
    assert task.turn_names == ("key", *(f"hall {i}" for i in range(1, 7)), "door")


def test_by_hand():
    """With the uniform policy, luck 0.1: V(door, key) = 1/4 · 0.9 + 3/4 · 0.1 = 0.3, V(none) = 0.1.
    V(start) = 1/4 · 0.3 + 3/4 · 0.1 = 0.15, A(key) = 0.15, A(door, right) = 0.6.
    """
    task = key_door()
    found = oracle(task, task.uniform())
    expected = {("start", 0): 0.15, ("key", 7): 0.3, ("none", 7): 0.1, ("key", 3): 0.3}
    for state, value in expected.items():
        actual = found.value[task.states.index(state)]
        assert_close(actual, torch.tensor(value, dtype=F64))
    assert_close(found.advantage[0], torch.tensor([0.15, -0.05, -0.05, -0.05], dtype=F64))
    door = found.advantage[task.states.index(("key", 7))]
    assert_close(door, torch.tensor([-0.2, 0.6, -0.2, -0.2], dtype=F64))


def test_only_key_and_door_are_decisive():
    task = key_door()
    largest = oracle(task, task.uniform()).advantage.abs().amax(1)
    decisive = [state for state, a in zip(task.states, largest, strict=True) if a > 1e-9]
    assert decisive == [("start", 0), ("key", 7)]


@pytest.mark.parametrize("apple", [0.5, 2.0])
def test_apples_change_no_value(apple):
    with_apples, without = key_door(apple=apple), key_door()
    assert with_apples.name == "key_door_apples"
    assert set(with_apples.reward[1].flatten().tolist()) == {apple, -apple}
    values = [oracle(task, task.uniform()).action_value for task in (with_apples, without)]
    assert_close(*values)
