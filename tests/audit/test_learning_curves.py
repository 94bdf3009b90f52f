"""Learning: areas by hand, equal luck, other seeds for the learning rate, and refusals."""

import pytest
import torch

from creditlib.audit.learning_curves import interval, learn, seed_list, tuned
from creditlib.audit.oracle import oracle, success
from creditlib.audit.policies import perturbed
from creditlib.audit.subject import audited
from creditlib.audit.task import Outcome, Task
from creditlib.audit.tasks import recovery, umbrella
from creditlib.audit.training import Training
from creditlib.testing import assert_close

SMALL = {"seeds": 3, "updates": 4, "tuning_seeds": 2, "rates": (0.1, 0.4)}


def small(*estimators, tasks=("recovery",), **options):
    return learn(list(estimators), list(tasks), **{**SMALL, **options})


def two_arms():
    """One turn; action 1 solves the episode."""

    def step(state, turn, action):
        return [Outcome(1.0, None, float(action), bool(action))]

    return Task.from_step(step, 0, name="two arms")


def no_credit(*, reward):
    return torch.zeros_like(reward)


def test_the_area_by_hand():
    # The exact advantage of two equal arms is ±1/2, so every row pushes the logits by (-1/4, 1/4).
    # The first update of Adam moves each logit by the learning rate: rate 0.5 gives (-.5, .5) and
    # the success 1/(1 + e^-1) = .7310586. The area of one update is the success after it.
    found = small("oracle", tasks=[two_arms()], seeds=2, updates=1, rates=(0.5,))
    expected = torch.tensor([0.7310585786], dtype=torch.float64)
    assert_close(torch.tensor([found.rows[0].area], dtype=torch.float64), expected, "golden")
    assert found.curves[0].middle[0] == 0.5


def test_the_exact_credit_learns_and_none_stays():
    nothing, exact = small(no_credit, "oracle").rows
    assert nothing.area == nothing.low == nothing.high == 0.75  # the uniform policy of recovery
    assert exact.low > 0.85


def test_one_seed_gives_one_result():
    assert small("grpo", "gigpo") == small("grpo", "gigpo")
    assert small("grpo", seed=1) != small("grpo")


def test_an_estimator_is_equal_to_itself_on_equal_luck():
    found = small("grpo", audited("grpo", name="again"))
    assert found.differences[1][2:] == (0.0, 0.0, 0.0)
    assert found.rows[0][2:] == found.rows[1][2:]


def test_differences_are_to_the_first_estimator():
    found = small("reinforce", "oracle")
    assert [each.estimator for each in found.differences] == ["reinforce", "oracle"]
    apart = found.rows[1].area - found.rows[0].area
    assert found.differences[1].difference == pytest.approx(apart)
    assert found.differences[1].low <= apart <= found.differences[1].high


def test_an_estimator_is_left_out_of_a_task_without_its_tensors():
    found = small("igpo", "grpo")
    assert [row.estimator for row in found.rows] == ["grpo"]
    assert found.left_out == [("recovery", "igpo", ["information_gain"])]
    assert small("igpo").rows == []


def test_the_rate_with_the_largest_area_is_chosen():
    training = Training(recovery(), 5, 2, 8)
    assert tuned(training, [audited("oracle")], [0.001, 0.3], [7, 8]) == [0.3]
    assert tuned(training, [audited(no_credit)], [0.2, 0.4], [7, 8]) == [0.2]  # equal: the first
    assert small("oracle", rates=(0.4, 0.001)).curves[0].rate == 0.4


def test_duplicate_seeds_are_refused(refusal):
    said = refusal(learn, ["grpo"], ["recovery"], seeds=[3, 4, 3])
    assert said == (
        "learn: `seeds` must be different seeds, got 3 more than once; leave one of them out."
    )
    assert "at least one seed" in refusal(learn, ["grpo"], ["recovery"], seeds=0)
    assert seed_list("learn", 3, 10) == [10, 11, 12]


def test_the_interval_holds_the_mean():
    values = torch.arange(10, dtype=torch.float64)
    mean, low, high = interval(values)
    assert low < mean == 4.5 < high
    assert interval(values) == interval(values)
    assert interval(torch.ones(1)) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("task", [recovery(), umbrella(4)])
def test_success_alone_is_that_of_the_oracle(task):
    logits = torch.stack([task.uniform(), perturbed(task, 3)])
    assert_close(success(task, logits), oracle(task, logits).success)
    assert success(task, logits[1]).shape == ()
