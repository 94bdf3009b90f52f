"""The oracle: by hand, against finite differences, against rollouts, and as identities."""

import pytest
import torch

from creditlib.audit.oracle import oracle, success
from creditlib.audit.policies import default_policy, perturbed
from creditlib.audit.sample import every_group, sample
from creditlib.audit.task import Outcome, Task
from creditlib.audit.tasks import TASKS, TINY, recovery, two_state
from creditlib.testing import assert_close
from creditlib.vocabulary.messages import ContractError

F64 = torch.float64


def close(actual, expected):
    assert_close(actual, torch.as_tensor(expected, dtype=F64), F64)


def logits_of(*rows):
    return torch.tensor(rows, dtype=F64).log()


def test_values_by_hand():
    """recovery(0): a choice, then a repair. π(0) = 1/4 at the start, 1/2 if good, 1/5 if bad.

    V(good) = 1                  V(bad) = 1/5              Q(start) = (1, 1/5)
    V(start) = 1/4 + 3/4 · 1/5 = 2/5                       A(start) = (3/5, -1/5)
    Q(bad) = (1, 0)              A(bad) = (4/5, -1/5)      d = (1, 1/4, 3/4)
    ∂J/∂logit[start] = π A = (1/4 · 3/5, 3/4 · -1/5) = (3/20, -3/20)
    ∂J/∂logit[bad] = 3/4 · (1/5 · 4/5, 4/5 · -1/5) = (3/25, -3/25)
    """
    logits = logits_of([0.25, 0.75], [0.5, 0.5], [0.2, 0.8])
    found = oracle(recovery(0), logits)
    close(found.value, [2 / 5, 1, 1 / 5])
    close(found.action_value, [[1, 1 / 5], [1, 1], [1, 0]])
    close(found.advantage, [[3 / 5, -1 / 5], [0, 0], [4 / 5, -1 / 5]])
    close(found.occupancy, [1, 1 / 4, 3 / 4])
    close(found.gradient, [[3 / 20, -3 / 20], [0, 0], [3 / 25, -3 / 25]])
    close(found.expected_reward, 2 / 5)
    close(found.success, 2 / 5)


def test_first_states_by_chance_by_hand():
    """Rain with 1/4: J = 1/4 · V(rain) + 3/4 · V(sun), with V(rain) = 1/2, V(sun) = 1/5."""

    def step(weather, turn, action):
        return [Outcome(1.0, None, reward=float(action == 0), success=action == 0)]

    task = Task.from_step(step, {"rain": 0.25, "sun": 0.75})
    found = oracle(task, logits_of([0.5, 0.5], [0.2, 0.8]))
    close(found.expected_reward, 1 / 8 + 3 / 20)
    close(found.success, 1 / 8 + 3 / 20)
    close(found.occupancy, [1 / 4, 3 / 4])
    close(found.gradient, [[1 / 16, -1 / 16], [3 / 25, -3 / 25]])


@pytest.mark.parametrize("name", TINY)
def test_the_gradient_is_that_of_finite_differences(name):
    task = TINY[name]()
    logits = perturbed(task, 7)
    found = oracle(task, logits)
    one = torch.eye(logits.numel(), dtype=F64).view(-1, *logits.shape)

    def rise(h):
        up, down = (oracle(task, logits + sign * h * one).expected_reward for sign in (1, -1))
        return (up - down) / (2 * h)

    difference = (4 * rise(1e-3) - rise(2e-3)) / 3  # the error is of the order h^4
    close(difference.view_as(logits), found.gradient)


@pytest.mark.parametrize("name", TASKS)
def test_identities(name):
    task = TASKS[name]()
    logits = perturbed(task, 3)
    found = oracle(task, logits)
    policy = logits.softmax(-1)[task.observation]
    # Advantages are 0 on average, and so are gradients over the actions of an observation.
    close((policy * found.advantage).sum(-1), torch.zeros(len(task.states)))
    close(found.gradient.sum(-1), torch.zeros(len(task.observations)))
    # The first turn is visited once, and a later one by those episodes that have not ended.
    visits = torch.stack([found.occupancy[level].sum() for level in task.levels])
    close(visits[0], 1)
    close(visits.cummin(0).values, visits)
    assert 0 < float(found.success) <= 1
    close(success(task, logits), found.success)


@pytest.mark.parametrize("name", ["two_state", "rooms", "umbrella"])
def test_values_and_occupancy_are_the_means_of_all_trajectories(name):
    """V(start) = Σ p(trajectory) return; d[s] = Σ p(trajectory) [the trajectory visits s]."""
    task = TINY[name]()
    logits = perturbed(task, 5)
    every = every_group(task, logits, size=1)
    assert every.weight is not None
    found = oracle(task, logits)
    close((every.weight * every.at_outcome(task.reward).sum(1)).sum(), found.expected_reward)
    met = (every.state[..., None] == torch.arange(len(task.states))).any(1).double()
    close(every.weight @ met, found.occupancy)
    solved = every.at_outcome(task.success).any(1).double()
    close(every.weight @ solved, found.success)


@pytest.mark.parametrize("name", TASKS)
def test_the_value_is_the_mean_of_rollouts(name):
    """Within five standard errors of 4,000 rollouts; the seed is fixed."""
    task = TASKS[name]()
    logits = default_policy(name)
    groups = sample(task, logits, groups=500, size=8, seed=1)
    returns = groups.at_outcome(task.reward).sum(1)
    found = oracle(task, logits)
    error = max(float(returns.std()), 0.01) / len(returns) ** 0.5
    assert abs(float(returns.mean() - found.expected_reward)) < 5 * error
    # The mean exact advantage of what the policy did is 0 as well.
    gain = groups.advantage.sum(1)
    assert abs(float(gain.mean())) < 5 * max(float(gain.std()), 0.01) / len(returns) ** 0.5


def test_many_policies_at_once_are_each_as_alone():
    task = two_state()
    policies = torch.stack([perturbed(task, seed) for seed in range(3)])
    found = oracle(task, policies)
    for i, logits in enumerate(policies):
        alone = oracle(task, logits)
        for name, value in vars(alone).items():
            close(getattr(found, name)[i], value)
    close(success(task, policies), found.success)
    assert oracle(task, policies[None]).value.shape == (1, 3, len(task.states))


def test_logits_of_another_shape():
    with pytest.raises(ContractError, match=r"oracle: `logits` must be .* sizes \[7, 2\] for rec"):
        oracle(recovery(), torch.zeros(6, 2))
