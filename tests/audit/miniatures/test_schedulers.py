"""Workers that run while a policy learns: shares of arms, and luck of a seed."""

import numpy as np
import pytest
import torch

from creditlib.audit.miniatures.schedulers import (
    Completed,
    Prompts,
    Workers,
    gradient_of,
    learn_while_running,
    shares,
)
from creditlib.testing import assert_close

ARMS = Prompts(np.array([[1.0, 4.0, 10.0, 10.0]]), np.array([[0.2, 0.4, 0.6, 1.0]]))


@pytest.mark.parametrize(
    ("scheduler", "period", "periods", "expected"),
    [
        # A rollout of mean duration d ends within a period p with probability 1 - exp(-p/d), here
        # .393, .118, .049, .049; as shares .646, .193, .080, .080.
        ("aborting", 0.5, 1500, (0.646, 0.193, 0.080, 0.080)),
        ("free", 4.0, 500, (0.25, 0.25, 0.25, 0.25)),
    ],
)
def test_which_arms_are_completed(scheduler, period, periods, expected):
    found = shares(ARMS, scheduler, period, periods, [0, 1])
    assert found == pytest.approx(expected, abs=0.015)


def test_pinned_workers_complete_by_rate():
    # Two prompts of durations 1 and 4, the same number of workers: four of five are of the first.
    prompts = Prompts(np.array([[1.0], [4.0]]), np.ones((2, 1)))
    workers = Workers(prompts, "pinned", [0, 1], 16, 500)
    done = workers.run(np.ones((2, 1)), 400.0)
    assert np.mean(done.prompt == 0) == pytest.approx(0.8, abs=0.02)


def test_the_gradient_by_hand():
    # One seed, one prompt, arms 0 and 1 with rewards 1 and 0: RLOO gives ±1. Policy (1/4, 3/4).
    # Σ credit (onehot - policy) = (1, 0) - (0, 1) - 0 = (1, -1); the mean of two is (1/2, -1/2).
    # Durations 1 and 3 weigh 1/2 and 3/2: (1/2, 0) - (0, 3/2) + (1/4, 3/4), halved (3/8, -3/8).
    done = Completed(*(np.array(x) for x in ([0, 0], [0, 0], [0, 1], [1.0, 3.0], [1.0, 0.0])))
    policy = np.array([[0.25, 0.75]])
    for weighted, expected in ((False, (0.5, -0.5)), (True, (0.375, -0.375))):
        found = torch.from_numpy(gradient_of(done, policy, 1, weighted))
        assert_close(found, torch.tensor([expected], dtype=torch.float64))
    nothing = Completed(*(np.zeros(0, dtype=np.int64) for _ in range(5)))
    assert gradient_of(nothing, policy, 1, True).tolist() == [[0.0, 0.0]]


def test_the_luck_of_a_worker_depends_on_no_other_seed():
    together = learn_while_running(ARMS, "free", [4, 5], True, updates=6)
    alone = learn_while_running(ARMS, "free", [5], True, updates=6)
    assert_close(torch.from_numpy(together[1]), torch.from_numpy(alone[0]))
    assert together.shape == (2, 6)
