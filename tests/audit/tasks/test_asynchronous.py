"""asynchronous: actions that take different times."""

import pytest
import torch

from creditlib.audit.oracle import oracle
from creditlib.audit.sample import every_group
from creditlib.audit.subject import audited
from creditlib.audit.tasks import asynchronous
from creditlib.testing import assert_close
from creditlib.vocabulary.messages import ContractError

F64 = torch.float64


def test_sizes():
    task = asynchronous()
    assert (len(task.states), len(task.observations), task.turns, task.actions) == (2, 1, 1, 2)
    assert len(asynchronous(prompt_seen=True).observations) == 2


def test_by_hand():
    """Action 0 wins 1 and 0 of the prompts, so 1/2; action 1 wins 1/2 and 1, so 3/4."""
    task = asynchronous()
    for logits, value in (([800.0, 0.0], 0.5), ([0.0, 800.0], 0.75)):
        found = oracle(task, torch.tensor([logits], dtype=F64))
        assert_close(found.success, torch.tensor(value, dtype=F64))


def test_weights_of_time_turn_the_preference():
    """If a prompt is seen as often as it ends, the quick one is seen 10 times as often, and
    action 0 wins (10 · 1 + 0) / 11 against (10 · 1/2 + 1) / 11. Weighted by duration, it is 1/2
    against 3/4. Each of these is halved, since either action is taken half of the time.
    """
    task = asynchronous(prompt_seen=True)
    every = every_group(task, task.uniform(), size=1)
    duration = every.at_outcome(task.signals["duration"])[:, 0]
    reward = every.at_outcome(task.reward)[:, 0]
    seen = every.weight / duration
    for weight, expected in ((seen, (10 / 22, 6 / 22)), (seen * duration, (0.25, 0.375))):
        share = weight / weight.sum()
        wins = [(share * reward)[every.action[:, 0] == action].sum() for action in (0, 1)]
        assert_close(torch.stack(wins), torch.tensor(expected, dtype=F64))


def test_the_duration_is_heard():
    task = asynchronous()
    assert audited("duration_weight", on="rloo").missing(task) == []


def test_arms_of_one_prompt():
    task = asynchronous(durations=((1, 4, 10, 10),), wins=((0.2, 0.4, 0.6, 0.8),))
    assert (len(task.states), task.actions) == (1, 4)
    assert task.signals["duration"][0, :, 0].tolist() == [1.0, 4.0, 10.0, 10.0]


def test_tables_of_different_shapes():
    with pytest.raises(ContractError, match=r"the sizes of `durations`, got \[2\] and \[2, 2\]"):
        asynchronous(durations=((1.0, 2.0),))
