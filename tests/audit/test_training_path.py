"""The cosine along the training: what stays on the way, and what leaves it."""

import math

import pytest
import torch

from creditlib.audit.policies import default_policy
from creditlib.audit.subject import audited
from creditlib.audit.task import Outcome, Task
from creditlib.audit.tasks import TASKS, recovery
from creditlib.audit.training_path import PATH_TASKS, cosine_at, path
from creditlib.testing import assert_close
from creditlib.vocabulary.contract import ContractError


def cosines(estimator, tasks, updates, **options):
    rows = path(estimator, tasks, updates, **options)
    assert [row.update for row in rows] == list(updates)
    return [row.cosine for row in rows]


def test_sums_of_process_rewards_turn_against_the_goal():
    # The sum of scores is highest for filler until the turns run out.
    first, *_, last = cosines("prm_sum", ["reasoning"], (0, 20, 60))
    assert first > 0.4
    assert last < -0.2


def test_the_outcome_stays_on_the_way():
    assert min(cosines("rloo", ["reasoning"], (0, 20, 60))) > 0.95


def test_the_least_process_reward_comes_back():
    assert cosines("pure", ["reasoning"], (0, 60))[1] > 0.6


def two_ways(bonus):
    """One turn: action 1 is right; `score` pays `bonus` for each action."""

    def step(state, turn, action):
        signals = {"score": bonus[action]}
        return [Outcome(1.0, None, float(action == 1), action == 1, signals)]

    return Task.from_step(step, 0, actions=len(bonus), name="two ways")


def test_the_first_cosine_by_hand():
    # A uniform policy of three actions. The outcome pulls (-1, 2, -1)/9; the scores (0, 1, 1) less
    # their mean 2/3 pull (-2, 1, 1)/9. The cosine is 3/6.
    def scored(*, score):
        return score - 2 / 3

    found = cosine_at(
        audited(scored), task := two_ways((0.0, 1.0, 1.0)), task.uniform(), 4000, 8, seed=0
    )
    assert found.low < 0.5 < found.high
    assert found.high - found.low < 0.05


def test_undefined_cosines_are_none():
    def nothing(*, reward):
        return 0 * reward

    assert cosines(nothing, ["recovery"], (0, 2)) == [None, None]


def test_an_uncertain_cosine_is_none():
    task = TASKS["umbrella"]()
    found = cosine_at(audited("rloo"), task, task.uniform(), 10, 8, seed=0, cut=False)
    assert found.value is not None
    assert found.high - found.low > 0.5
    # Cut off at 1, the same interval looks narrow, and says less than it seems to.
    shown = cosine_at(audited("rloo"), task, task.uniform(), 10, 8, seed=0)
    assert shown.high - shown.low < 0.5
    assert cosines("rloo", ["umbrella"], (0,), groups=10) == [None]
    assert cosines("rloo", ["umbrella"], (0,), groups=2000)[0] > 0.9


def test_training_goes_by_adam_with_the_learning_rate():
    # The first step of Adam moves each logit by the learning rate, along the sign of the gradient.
    # The oracle's gradient of `two ways` has the signs (-, +), so that the policy is (-r, +r), for
    # which the exact gradient is p (1 - p) (-1, 1) with p = 1/(1 + exp(-2r)).
    seen = []

    def spy(*, oracle_advantage, turn_value):
        seen.append(turn_value)
        return oracle_advantage

    path(spy, [two_ways((0.0, 0.0))], updates=(0, 1), learning_rate=0.5, groups=30)
    p = 1 / (1 + math.exp(-1.0))
    assert_close(seen[-1].max(), torch.tensor(p, dtype=torch.float64), "golden")


def test_tasks():
    assert {row.task for row in path("pure", updates=(0,), groups=20)} == {"reasoning"}
    assert {row.task for row in path("rloo", updates=(0,), groups=20)} == set(PATH_TASKS)


@pytest.mark.parametrize("estimator", ["rloo", "vineppo_4"])
def test_one_seed_gives_one_path(estimator):
    first = path(estimator, ["recovery"], (0, 3), groups=100, seed=2)
    assert path(estimator, ["recovery"], (0, 3), groups=100, seed=2) == first
    assert path(estimator, ["recovery"], (0, 3), groups=100, seed=3) != first


def test_evaluation_does_not_change_the_training():
    [_, often] = [row for row in path("rloo", ["recovery"], (0, 5, 9)) if row.update]
    [once] = path("rloo", ["recovery"], (9,))
    assert often == once


def test_cosine_at_a_policy():
    found = cosine_at(audited("rloo"), recovery(), default_policy(recovery()), 200, 8, seed=0)
    assert found.low <= found.value <= found.high
    assert found.value > 0.95


@pytest.mark.parametrize("updates", [(), (3, 3), (5, 2), (-1, 2)])
def test_refusals(updates):
    with pytest.raises(ContractError, match="path: `updates` must be rising numbers from 0"):
        path("rloo", ["recovery"], updates)
