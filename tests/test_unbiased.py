"""Exact expected policy gradients: every group of N trajectories of a tiny world, enumerated.

Two states and two actions, three turns at most. Action 0 stays, action 1 moves on: from state 0 to
state 1, and out of the world from state 1. So states are revisited and lengths differ.
"""

import itertools

import pytest
import torch
from helpers import F64, table

import creditlib as cl
from creditlib.testing import assert_close

REWARD = {(0, 0): 0.3, (0, 1): -0.2, (1, 0): 1.0, (1, 1): 0.5}
LOGITS = torch.tensor([[0.4, -0.3], [0.1, 0.7]], dtype=F64)
POLICY = LOGITS.softmax(1)
TURNS = 3


def walks(state=0, left=TURNS):
    """All [(state, action), …] with their probabilities."""
    if state == 2 or not left:
        return [([], 1.0)]
    return [
        ([(state, action), *rest], POLICY[state, action].item() * p)
        for action in (0, 1)
        for rest, p in walks(state + action, left - 1)
    ]


WALKS = walks()


def score(state, action):
    """The gradient of log policy(action | state) in the logits."""
    gradient = torch.zeros(2, 2, dtype=F64)
    gradient[state] = -POLICY[state]
    gradient[state, action] += 1
    return gradient


SCORES = torch.zeros(len(WALKS), TURNS, 2, 2, dtype=F64)
for number, (steps, _) in enumerate(WALKS):
    for k, step in enumerate(steps):
        SCORES[number, k] = score(*step)

EARNED = [[REWARD[step] for step in steps] for steps, _ in WALKS]
TRUE = sum(
    p * sum(earned) * SCORES[number].sum(0)
    for number, ((_, p), earned) in enumerate(zip(WALKS, EARNED, strict=True))
)


class World:
    """All groups of N walks as one batch: each a group of its own, weighed by its probability."""

    def __init__(self, size):
        picks = torch.tensor(list(itertools.product(range(len(WALKS)), repeat=size)))
        chance = torch.tensor([p for _, p in WALKS], dtype=F64)
        self.walk, self.size = picks.flatten(), size
        self.chance = chance[picks].prod(1).repeat_interleave(size)
        states = [[state for state, _ in steps] for steps, _ in WALKS]
        self.group = torch.arange(len(picks)).repeat_interleave(size)
        self.reward = torch.tensor([sum(row) for row in EARNED], dtype=F64)[self.walk]
        self.turns = {
            "turn_reward": table(EARNED, TURNS)[self.walk],
            "anchor": table(states, TURNS).long()[self.walk],
            "turn_count": torch.tensor([len(row) for row in states])[self.walk],
        }
        self.pair = {"reward": self.reward, "group": self.group}

    def gradient(self, credit):
        """E[ 1/N Σ_i Σ_k credit[i,k] ∇ log policy ]."""
        credit = credit[:, None] if credit.ndim == 1 else credit
        credit = credit.expand(-1, TURNS) * self.chance[:, None] / self.size
        return torch.einsum("bk,bkxy->xy", credit, SCORES[self.walk])

    def gigpo(self, **options):
        return cl.gigpo(**self.pair, **self.turns, gamma=1.0, scale=None, **options)


@pytest.fixture(params=[2, 3], scope="module")
def world(request):
    return World(request.param)


def assert_gradient(actual, factor):
    assert_close(actual, factor * TRUE, "exact expectation")


def is_gradient(actual):
    """Whether it is the true gradient to the table's tolerance."""
    try:
        assert_gradient(actual, 1.0)
    except AssertionError:
        return False
    return True


def test_the_world_is_a_distribution_whose_states_are_revisited():
    chance = torch.tensor([p for _, p in WALKS], dtype=F64)
    assert_close(chance.sum(), torch.ones((), dtype=F64))
    assert any(len(steps) > len({state for state, _ in steps}) for steps, _ in WALKS)


def test_the_true_gradient_is_that_of_the_expected_reward():
    logits = LOGITS.clone().requires_grad_()
    policy = logits.softmax(1)
    chances = [torch.stack([policy[step] for step in steps]).prod() for steps, _ in WALKS]
    expected = sum(p * sum(earned) for p, earned in zip(chances, EARNED, strict=True))
    expected.backward()
    assert_close(TRUE, logits.grad)


def test_rloo_is_unbiased(world):
    assert_gradient(world.gradient(cl.rloo(**world.pair)), 1.0)


def test_a_mean_that_holds_its_own_row_shrinks_the_gradient(world):
    n = world.size
    assert_gradient(world.gradient(cl.grpo(**world.pair, scale=None)), (n - 1) / n)


def test_remax_and_gae_with_the_exact_critic_are_unbiased(world):
    baseline = torch.full_like(world.reward, 0.37)  # no action of the row chooses it
    assert_gradient(world.gradient(cl.remax(reward=world.reward, baseline=baseline)), 1.0)
    value = torch.zeros(len(WALKS), TURNS, dtype=F64)
    for i, (steps, _) in enumerate(WALKS):
        for k, (state, _) in enumerate(steps):
            ahead = walks(state, TURNS - k)
            value[i, k] = sum(p * sum(REWARD[step] for step in rest) for rest, p in ahead)
    turn = torch.where(torch.arange(TURNS) < world.turns["turn_count"][:, None], 0, -1)
    tokens = {"token_reward": world.turns["turn_reward"], "value": value[world.walk], "turn": turn}
    for lam in (0.0, 0.5, 1.0):
        advantage, _ = cl.gae(**tokens, gamma=1.0, lam=lam)
        assert_gradient(world.gradient(advantage), 1.0)


@pytest.mark.parametrize("episode_over", ["trajectory", "turn"])
@pytest.mark.parametrize("step_weight", [0.5, 1.0])
def test_gigpo_without_the_own_trajectory_is_unbiased(world, episode_over, step_weight):
    options = {"leave_out": "trajectory", "episode_over": episode_over}
    both = world.gradient(world.gigpo(**options, step_weight=step_weight))
    episode = world.gradient(world.gigpo(**options, step_weight=0.0))
    assert_gradient(episode, 1.0)
    assert_gradient((both - episode) / step_weight, 1.0)
    assert_gradient(both, 1 + step_weight)


@pytest.mark.parametrize("leave_out", [None, "turn"])
def test_revisits_bias_what_keeps_the_own_trajectory(world, leave_out):
    options = {"leave_out": leave_out}
    step = world.gigpo(**options) - world.gigpo(**options, step_weight=0.0)
    assert not is_gradient(world.gradient(step))


def test_giving_a_turn_without_peers_nothing_would_be_caught(world):
    options = {"leave_out": "trajectory"}
    step = world.gigpo(**options) - world.gigpo(**options, step_weight=0.0)
    assert is_gradient(world.gradient(step))
    anchor = world.turns["anchor"].view(-1, world.size, TURNS)
    count = world.turns["turn_count"].view(-1, world.size)
    met = torch.zeros_like(anchor, dtype=torch.bool)
    for i, other in itertools.permutations(range(world.size), 2):
        real = torch.arange(TURNS) < count[:, other, None]
        met[:, i] |= ((anchor[:, i, :, None] == anchor[:, None, other]) & real[:, None]).any(2)
    mutant = torch.where(met.view(step.shape), step, 0)
    assert not is_gradient(world.gradient(mutant))
