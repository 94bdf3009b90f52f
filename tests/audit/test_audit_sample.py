"""Groups of trajectories: sampled on equal luck, enumerated with their probabilities."""

import itertools

import pytest
import torch

from creditlib.audit.policies import perturbed
from creditlib.audit.sample import every_group, first_states, sample, walk
from creditlib.audit.task import Outcome, Task
from creditlib.audit.tasks import TASKS, TINY, recovery, rooms, two_state, umbrella
from creditlib.testing import assert_close
from creditlib.vocabulary.messages import ContractError

F64 = torch.float64
FIELDS = ("run", "state", "action", "outcome", "turn_count")


def close(actual, expected):
    assert_close(actual, torch.as_tensor(expected, dtype=F64), F64)


def same(first, second):
    return all(torch.equal(getattr(first, name), getattr(second, name)) for name in FIELDS)


def logits_of(*rows):
    return torch.tensor(rows, dtype=F64).log()


def coin():
    """One turn: action 0 wins with 1/4, and action 1 never."""

    def step(state, turn, action):
        if action == 1:
            return [Outcome(1.0, None)]
        return [Outcome(0.25, None, reward=1.0, success=True), Outcome(0.75, None)]

    return Task.from_step(step, 0, name="coin")


def test_luck_decides_by_hand():
    """π = (0.6, 0.4): luck below 0.6 takes action 0, whose luck below 1/4 wins."""
    luck = torch.tensor([[[0.59, 0.59, 0.6, 0.99]], [[0.24, 0.25, 0.0, 0.99]]], dtype=F64)
    found = walk(coin(), logits_of([0.6, 0.4])[None], luck, size=2)
    assert found.action.flatten().tolist() == [0, 0, 1, 1]
    assert found.outcome.flatten().tolist() == [0, 1, 0, 0]
    assert found.at_outcome(coin().reward).flatten().tolist() == [1.0, 0.0, 0.0, 0.0]
    assert found.group.tolist() == [0, 0, 1, 1]


def test_first_states_by_hand():
    """Rain and sun with 1/2 each: luck below 1/2 is the first of them."""
    luck = torch.tensor([0.0, 0.49, 0.5, 0.99], dtype=F64)
    assert first_states(umbrella(2), luck).tolist() == [0, 0, 1, 1]


def test_gradients_by_hand():
    """Credits 1 and 3 of actions 0 and 1 with π = (0.6, 0.4), in a group of 2:
    (1 · (1 - 0.6, -0.4) + 3 · (-0.6, 1 - 0.4)) / 2 = (-0.7, 0.7).
    """
    luck = torch.tensor([[[0.0, 0.9]], [[0.5, 0.5]]], dtype=F64)
    found = walk(coin(), logits_of([0.6, 0.4])[None], luck, size=2)
    close(found.gradients(torch.tensor([[1.0], [3.0]])), [[[-0.7, 0.7]]])


def test_equal_seeds_are_bit_equal():
    task = rooms()
    logits = perturbed(task)
    first = sample(task, logits, groups=20, seed=4)
    assert same(first, sample(task, logits, groups=20, seed=4))
    assert not same(first, sample(task, logits, groups=20, seed=5))
    generator = torch.Generator().manual_seed(4)
    assert same(first, sample(task, logits, groups=20, seed=generator))
    assert not same(first, sample(task, logits, groups=20, seed=generator))  # it went on


def test_a_sample_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    sample(umbrella(), umbrella().uniform(), groups=3)
    assert torch.equal(before, torch.get_rng_state())


def test_luck_does_not_depend_on_the_policy():
    """The weather and the noise are the same under two policies of umbrella."""
    task = umbrella()
    first, second = (sample(task, perturbed(task, seed), groups=20) for seed in (1, 2))
    assert torch.equal(first.outcome, second.outcome)
    assert torch.equal(first.state[:, 0], second.state[:, 0])
    assert not torch.equal(first.action, second.action)


def test_several_policies_write_runs():
    task = two_state()
    logits = torch.stack([perturbed(task, seed) for seed in (1, 2)])
    both = sample(task, logits, groups=5, size=3)
    assert both.run.tolist() == [0] * 15 + [1] * 15
    second = both.of_runs(1, 2)
    assert second.run.tolist() == [0] * 15
    assert torch.equal(second.logits, logits[1:])
    credit = torch.arange(90.0).view(30, 3)
    close(both.gradients(credit)[5:], second.gradients(credit[15:]))
    close(both.advantage[15:], second.advantage)


@pytest.mark.parametrize("name", TASKS)
def test_what_happened_is_possible(name):
    task = TASKS[name]()
    found = sample(task, perturbed(task), groups=30, seed=2)
    real = found.real
    assert torch.equal(real.sum(1), found.turn_count)
    assert int(found.turn_count.min()) >= 1
    assert torch.equal(real, torch.arange(task.turns) < found.turn_count[:, None])
    assert (found.at_outcome(task.probability)[real] > 0).all()
    # The state of a turn is the one that the turn before led to; the last one led to the end.
    following = found.at_outcome(task.next)
    assert torch.equal(following[:, :-1][real[:, 1:]], found.state[:, 1:][real[:, 1:]])
    last = following.gather(1, found.turn_count[:, None] - 1)
    assert (last == -1).all()
    assert (found.task.turn[found.state[real]] == torch.where(real)[1]).all()


def test_shares_of_a_sample():
    """Of 8,000 coins with π = (0.6, 0.4), 0.6 · 1/4 win; five standard errors are 0.02."""
    found = sample(coin(), logits_of([0.6, 0.4]), groups=1000, size=8, seed=3)
    assert abs(float(found.at_outcome(coin().success).mean()) - 0.15) < 0.02


def test_nothing_of_probability_zero_is_drawn():
    """A policy that is certain, to the last bit, and luck just below 1."""
    task = rooms(n=2, actions=3, turns=3)
    logits = torch.tensor([[0.0, -1e9, -1e9], [-1e9, 0.0, -1e9]], dtype=F64)
    luck = torch.full((2, 3, 4), 1 - 2**-53, dtype=F64)
    assert walk(task, logits[None], luck, 2).action[:, :2].tolist() == [[0, 1]] * 4


# --- forced turns ---------------------------------------------------------------------------------


def forced_answer():
    """A query, and then an answer that is right with 3/4 after action 1, and else with 1/4."""

    def step(state, turn, action):
        if turn == 0:
            return [Outcome(1.0, action)]
        right = 0.75 if state == 1 else 0.25
        return [Outcome(right, None, 1.0, True), Outcome(1 - right, None)]

    return Task.from_step(step, "ask", forced=lambda state, turn: turn == 1, actions=3)


def test_a_forced_turn_takes_action_0_and_has_no_score():
    task = forced_answer()
    found = sample(task, perturbed(task, 1), groups=50, size=4)
    assert (found.action[:, 1] == 0).all()
    assert (found.policy[:, 1] == torch.tensor([1.0, 0.0, 0.0])).all()
    credit = torch.ones_like(found.advantage)
    rows = [task.observations.index(state) for state in (0, 1, 2)]
    assert (found.gradients(credit)[:, rows] == 0).all()
    assert (found.gradients(credit)[:, 0] != 0).any()


def test_a_forced_turn_is_enumerated_once():
    """3 actions, then 1 forced action with 2 outcomes: 6 trajectories."""
    task = forced_answer()
    every = every_group(task, perturbed(task, 1), size=1)
    assert len(every.state) == 6
    close(every.weight.sum(), 1)
    value = (every.weight * every.at_outcome(task.reward).sum(1)).sum()
    close(value, every.oracle.expected_reward[0])


# --- enumeration ----------------------------------------------------------------------------------


def test_all_groups_by_hand():
    """Three trajectories of the coin: 0.6 · 1/4 = 0.15, 0.6 · 3/4 = 0.45, 0.4; nine pairs."""
    found = every_group(coin(), logits_of([0.6, 0.4]), size=2)
    assert len(found.state) == 18
    by_key = {}
    for group in range(9):
        rows = slice(2 * group, 2 * group + 2)
        key = zip(found.action[rows, 0].tolist(), found.outcome[rows, 0].tolist(), strict=True)
        by_key[tuple(key)] = found.weight[2 * group]
    chances = {(0, 0): 0.15, (0, 1): 0.45, (1, 0): 0.4}
    for pair in itertools.product(chances, repeat=2):
        close(by_key[pair], chances[pair[0]] * chances[pair[1]])


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("size", [1, 2])
def test_probabilities_sum_to_one(name, size):
    task = TINY[name]()
    weight = every_group(task, perturbed(task), size).weight
    close(weight[::size].sum(), 1)
    assert (weight > 0).all()


def test_the_mean_gradient_of_all_groups_is_exact():
    """E[Σ A ∇ log π] is the true gradient, for groups of 2 of two_state."""
    every = every_group(two_state(), perturbed(two_state()), size=2)
    mean = (every.weight[::2, None, None] * every.gradients(every.advantage)).sum(0)
    close(mean, every.oracle.gradient[0])


# --- refusals -------------------------------------------------------------------------------------


def test_refusals():
    task = recovery()
    logits = task.uniform()
    for call, text in [
        (lambda: sample(task, logits[:3]), r"sample: `logits` must be .* sizes \[7, 2\]"),
        (lambda: sample(task, logits / 0), "sample: `logits` must be finite, got NaN or infinity."),
        (lambda: sample(task, logits, groups=0), "sample: `groups` must be at least 1, got 0."),
        (lambda: sample(task, logits, size=0), "sample: `size` must be at least 1, got 0."),
        (lambda: every_group(task, logits[:3], 2), r"every_group: `logits` must be .* \[7, 2\]"),
        (lambda: every_group(task, logits[None], 2), "every_group: `logits` must be"),
        (lambda: every_group(task, logits, 0), "every_group: `size` must be at least 1, got 0."),
        (lambda: every_group(task, logits, 2, most=100), "a task whose groups of 2 have at most 1"),
        (lambda: every_group(rooms(), rooms().uniform(), 2, 99), "with at most 99 trajectories"),
    ]:
        with pytest.raises(ContractError, match=text):
            call()


def test_most_is_the_number_of_rows():
    """recovery(2) has 16 trajectories, so 256 pairs and 512 rows."""
    assert len(every_group(recovery(), recovery().uniform(), 2, most=512).state) == 512
    with pytest.raises(ContractError):
        every_group(recovery(), recovery().uniform(), 2, most=511)
