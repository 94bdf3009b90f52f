"""A task is what its `step` says: arrays, digest, signals, first states."""

import torch

from creditlib.audit.sample import sample
from creditlib.audit.task import Outcome, Task


def two_turns(reward=1.0, start="a"):
    """Action 1 at turn 0 leads to "good" with probability 1/4, and everything else to "bad"."""

    def step(state, turn, action):
        if turn == 0 and action == 1:
            return [Outcome(0.25, "good"), Outcome(0.75, "bad")]
        if turn == 0:
            return [(1.0, "bad")]
        return [(1.0, None, reward if state == "good" else 0.0, state == "good")]

    return Task.from_step(step, start, name="two turns")


def test_the_arrays_by_hand():
    task = two_turns()
    # Breadth-first: "a"; then "bad", which action 0 reaches first; then "good".
    assert task.states == (("a", 0), ("bad", 1), ("good", 1))
    assert task.observations == ("a", "bad", "good")
    assert task.levels == (slice(0, 1), slice(1, 3))
    assert (task.actions, task.turns) == (2, 2)
    # [state action outcome]; the second outcome of a certain action is padding.
    assert task.next.tolist() == [[[1, -1], [2, 1]], [[-1, -1], [-1, -1]], [[-1, -1], [-1, -1]]]
    assert task.probability[0].tolist() == [[1.0, 0.0], [0.25, 0.75]]
    assert task.reward[2].tolist() == [[1.0, 0.0], [1.0, 0.0]]
    assert task.success.sum() == 2
    assert task.turn.tolist() == [0, 1, 1]
    assert task.start.tolist() == [1.0, 0.0, 0.0]
    assert not task.forced.any()
    assert task.uniform().tolist() == [[0.0, 0.0]] * 3


def test_the_digest_is_that_of_the_arrays():
    assert two_turns().digest == two_turns().digest
    assert two_turns(reward=2.0).digest != two_turns().digest
    assert two_turns(start={"a": 0.5, "b": 0.5}).digest != two_turns().digest


def test_the_name_of_a_task_without_one_is_that_of_its_step():
    def choose(state, turn, action):
        return [Outcome(1.0, None)]

    assert Task.from_step(choose, 0).name == "choose"
    assert Task.from_step(lambda *state: [Outcome(1.0, None)], 0, name="mine").name == "mine"


def test_derive_makes_tensors_from_trajectories():
    def step(state, turn, action):
        return [Outcome(1.0, None, reward=float(action))]

    task = Task.from_step(step, 0, derive=lambda of: {"twice": 2 * of.action})
    groups = sample(task, task.uniform(), groups=2, size=2)
    assert task.derive is not None
    assert torch.equal(task.derive(groups)["twice"], 2 * groups.action)
