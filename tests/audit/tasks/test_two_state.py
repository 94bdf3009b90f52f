"""two_state: seven trajectories, by an independent recursion."""

import torch

from creditlib.audit.sample import every_group
from creditlib.audit.tasks import two_state
from creditlib.audit.tasks.two_state import LOGITS, REWARD
from creditlib.testing import assert_close


def trajectories(policy, state=0, left=3):
    """All [(state, action), …] with their probabilities."""
    if state == 2 or not left:
        return [([], 1.0)]
    return [
        ([(state, action), *rest], float(policy[state, action]) * p)
        for action in (0, 1)
        for rest, p in trajectories(policy, state + action, left - 1)
    ]


def test_sizes():
    task = two_state()
    assert (len(task.states), len(task.observations), task.turns, task.actions) == (5, 2, 3, 2)


def test_the_trajectories_their_rewards_and_probabilities():
    task = two_state()
    every = every_group(task, LOGITS, size=1)
    rewards = every.at_outcome(task.reward)
    found = {}
    for i, count in enumerate(every.turn_count.tolist()):
        seen, taken = (of[i, :count].tolist() for of in (every.observation, every.action))
        steps = tuple(zip(seen, taken, strict=True))
        found[steps] = every.weight[i]
        assert rewards[i, :count].tolist() == [REWARD[step] for step in steps]
    expected = {tuple(steps): p for steps, p in trajectories(LOGITS.softmax(1))}
    assert found.keys() == expected.keys()
    assert len(expected) == 7
    for steps, p in expected.items():
        assert_close(found[steps], torch.tensor(p, dtype=torch.float64))
