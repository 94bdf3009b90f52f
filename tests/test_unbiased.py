"""Exact expected policy gradients: over all groups of N trajectories of a small environment."""

import itertools

import pytest
import torch

import creditlib as cl
from creditlib.audit.tasks.two_state import LOGITS, REWARD
from creditlib.testing import assert_close, enumerate_groups

pytestmark = pytest.mark.usefixtures("quick_backend")

TURNS = 3


def value_of(turn, state):
    """What is expected from a state on, by recursion over the next action."""
    if state == 2 or turn == TURNS:
        return 0.0
    chances = LOGITS.softmax(1)[state].tolist()
    return sum(
        p * (REWARD[state, a] + value_of(turn + 1, state + a)) for a, p in enumerate(chances)
    )


class Environment:
    """All groups of one size, with the tensors of each estimator."""

    def __init__(self, size):
        self.size, self.groups = size, enumerate_groups(size)
        self.gradient = self.groups.gradient
        batch = self.groups.batch
        self.pair = {name: batch[name] for name in ("reward", "group")}
        self.turns = {name: batch[name] for name in ("turn_reward", "anchor", "turn_count")}

    def gigpo(self, **options):
        return cl.gigpo(**self.pair, **self.turns, gamma=1.0, scale=None, **options)


@pytest.fixture(params=[2, 3], scope="module")
def environment(request):
    return Environment(request.param)


def assert_gradient(actual, factor):
    assert_close(actual, factor * enumerate_groups(2).true_gradient, "exact expectation")


def is_gradient(actual):
    """Whether it is the true gradient to the table's tolerance."""
    try:
        assert_gradient(actual, 1.0)
    except AssertionError:
        return False
    return True


def test_rloo_is_unbiased(environment):
    assert_gradient(environment.gradient(cl.rloo(**environment.pair)), 1.0)


def test_a_mean_that_holds_its_own_row_shrinks_the_gradient(environment):
    n = environment.size
    assert_gradient(environment.gradient(cl.grpo(**environment.pair, scale=None)), (n - 1) / n)


def test_remax_and_gae_with_the_exact_critic_are_unbiased(environment):
    baseline = environment.groups.batch["baseline"]  # no action of the row chooses it
    reward = environment.pair["reward"]
    assert_gradient(environment.gradient(cl.remax(reward=reward, baseline=baseline)), 1.0)
    every = [[value_of(k, state) for state in range(2)] for k in range(TURNS)]
    value = torch.tensor(every, dtype=reward.dtype)
    critic = value[torch.arange(TURNS), environment.turns["anchor"]]
    turn = torch.where(torch.arange(TURNS) < environment.turns["turn_count"][:, None], 0, -1)
    tokens = {"token_reward": environment.turns["turn_reward"], "value": critic, "turn": turn}
    for lam in (0.0, 0.5, 1.0):
        advantage, _ = cl.gae(**tokens, gamma=1.0, lam=lam)
        assert_gradient(environment.gradient(advantage), 1.0)


@pytest.mark.parametrize("episode_over", ["trajectory", "turn"])
@pytest.mark.parametrize("step_weight", [0.5, 1.0])
def test_gigpo_without_the_own_trajectory_is_unbiased(environment, episode_over, step_weight):
    options = {"leave_out": "trajectory", "episode_over": episode_over}
    both = environment.gradient(environment.gigpo(**options, step_weight=step_weight))
    episode = environment.gradient(environment.gigpo(**options, step_weight=0.0))
    assert_gradient(episode, 1.0)
    assert_gradient((both - episode) / step_weight, 1.0)
    assert_gradient(both, 1 + step_weight)


@pytest.mark.parametrize("leave_out", [None, "turn"])
def test_revisits_bias_what_keeps_the_own_trajectory(environment, leave_out):
    options = {"leave_out": leave_out}
    step = environment.gigpo(**options) - environment.gigpo(**options, step_weight=0.0)
    assert not is_gradient(environment.gradient(step))


def test_giving_a_turn_without_peers_nothing_would_be_caught(environment):
    options = {"leave_out": "trajectory"}
    step = environment.gigpo(**options) - environment.gigpo(**options, step_weight=0.0)
    assert is_gradient(environment.gradient(step))
    anchor = environment.turns["anchor"].view(-1, environment.size, TURNS)
    count = environment.turns["turn_count"].view(-1, environment.size)
    met = torch.zeros_like(anchor, dtype=torch.bool)
    for i, other in itertools.permutations(range(environment.size), 2):
        real = torch.arange(TURNS) < count[:, other, None]
        met[:, i] |= ((anchor[:, i, :, None] == anchor[:, None, other]) & real[:, None]).any(2)
    mutant = torch.where(met.view(step.shape), step, 0)
    assert not is_gradient(environment.gradient(mutant))


SUM = {"order": "sum_then_score"}


def process(environment, **options):
    batch = {name: environment.turns[name] for name in ("turn_reward", "turn_count")}
    credit = cl.grpo_process(**batch, group=environment.pair["group"], scale=None, **options)
    return environment.gradient(credit)


@pytest.mark.parametrize("order", ["score_then_sum", "sum_then_score"])
def test_turn_numbers_are_unbiased_where_ended_trajectories_count(environment, order):
    """The mean of the others, with 0 for those that are over, does not depend on the row."""
    options = {"over": "turn", "order": order, "ended": "zero"}
    n = environment.size
    assert_gradient(process(environment, **options), (n - 1) / n)
    assert_gradient(process(environment, **options, leave_out="trajectory"), 1.0)


def across(gradient):
    """What of a gradient points elsewhere than the true one, over what points along it."""
    true = enumerate_groups(2).true_gradient.flatten()
    along = gradient.flatten() @ true / (true @ true) * true
    return float((gradient.flatten() - along).norm() / along.norm())


# In thousandths, for groups of 2 and of 3: what points elsewhere if the ended are absent.
BIASED = {
    "turn, sum_then_score": ({"over": "turn", **SUM}, 54, 32),
    "turn, sum_then_score, leave out": (
        {"over": "turn", **SUM, "leave_out": "trajectory"},
        *(54, 11),
    ),
    "turn, score_then_sum": ({"over": "turn"}, 243, 317),
    "turn, score_then_sum, leave out": ({"over": "turn", "leave_out": "trajectory"}, 243, 386),
    "group, sum_then_score": (SUM, 375, 222),
    "group, sum_then_score, leave out": ({**SUM, "leave_out": "trajectory"}, 0, 0),
    "group, score_then_sum": ({}, 66, 135),
}


@pytest.mark.parametrize("form", BIASED)
def test_how_far_the_gradient_points_elsewhere(environment, form):
    options, *shares = BIASED[form]
    assert round(1000 * across(process(environment, **options))) == shares[environment.size - 2]
