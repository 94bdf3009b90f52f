"""Stable-Baselines3's rollout buffer, a stand-in with its attributes and its call."""

import math

import numpy as np
import pytest
import torch

from creditlib.integrations import stable_baselines3 as ours
from creditlib.rows.settings import credit_settings


class StandIn:
    """Columns are environments; what is computed is written into two arrays of the same form."""

    def __init__(self, buffer_size, observation_space, action_space, gae_lambda=1.0, gamma=0.99):
        self.gae_lambda, self.gamma = gae_lambda, gamma


def filled(rewards, values, starts, credit=None, gamma=0.5, gae_lambda=0.5):
    buffer = ours.credit_buffer(StandIn)(
        len(rewards), None, None, gamma=gamma, gae_lambda=gae_lambda, credit=credit
    )
    arrays = (np.array(x, dtype=np.float32) for x in (rewards, values, starts))
    buffer.rewards, buffer.values, buffer.episode_starts = arrays
    return buffer


# Two environments, three steps. The first: an episode of one step, then one that the buffer cuts.
# The second: one episode, done with the last step.
REWARDS = [[1.0, 0.0], [0.0, 0.0], [2.0, 4.0]]
VALUES = [[0.5, 1.0], [1.0, 1.0], [1.0, 2.0]]
STARTS = [[1, 1], [1, 0], [0, 0]]


def test_episodes_of_a_column_are_apart_and_only_the_cut_one_bootstraps():
    buffer = filled(REWARDS, VALUES, STARTS)
    buffer.compute_returns_and_advantage(torch.tensor([[8.0], [100.0]]), np.array([False, True]))
    # gamma = lam = 1/2, so gamma lam = 1/4.
    # First: 1 - 0.5 = 0.5. Then δ = 2 + 8/2 - 1 = 5, before it 0 + 1/2 - 1 + 5/4 = 0.75.
    # Second: δ = 4 - 2 = 2 (done: no 100), 0 + 2/2 - 1 + 2/4 = 0.5, 0 + 1/2 - 1 + 0.5/4 = -0.375.
    expected = [[0.5, -0.375], [0.75, 0.5], [5.0, 2.0]]
    assert buffer.advantages.tolist() == expected
    assert buffer.returns.tolist() == (np.array(expected) + VALUES).tolist()
    assert buffer.advantages.dtype == buffer.returns.dtype == np.float32


def test_a_time_limit_inside_the_buffer_bootstraps_by_its_reward():
    # At a time limit the trainer adds gamma V(last observation) = 0.5 * 6 to the reward: 1 + 3.
    # peers: "done" and "terminated" conflated (TorchRL #2773): the next episode is not read.
    buffer = filled([[4.0], [7.0]], [[0.5], [2.0]], [[1], [1]])
    buffer.compute_returns_and_advantage(torch.tensor([9.0]), np.array([True]))
    assert buffer.advantages.tolist() == [[3.5], [5.0]]


def test_the_estimator_and_its_options_come_from_the_keyword():
    buffer = filled(REWARDS, VALUES, STARTS, credit={"estimator": "discounted_return"})
    buffer.compute_returns_and_advantage(torch.tensor([8.0, 8.0]), np.array([False, False]))
    # Halved at each step: 1; 0 + 2/2, 2; 0 + 2/2, 0 + 4/2, 4. No critic, so no bootstrap either.
    assert buffer.advantages.tolist() == [[1.0, 1.0], [1.0, 2.0], [2.0, 4.0]]
    assert filled(REWARDS, VALUES, STARTS, credit={"lam": 1.0}).settings.options["lam"] == 1.0


def test_inputs_stay_as_they_are_and_numbers_are_there():
    buffer = filled(REWARDS, VALUES, STARTS)
    before = [x.copy() for x in (buffer.rewards, buffer.values, buffer.episode_starts)]
    buffer.compute_returns_and_advantage(torch.tensor([8.0, 8.0]), np.array([False, False]))
    after = (buffer.rewards, buffer.values, buffer.episode_starts)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(name.startswith("creditlib/") for name in buffer.metrics)
    assert all(math.isfinite(number) for number in buffer.metrics.values())


def test_an_episode_without_a_reward_is_not_scored():
    rewards = [[1.0], [math.nan]]
    buffer = filled(rewards, [[0.5], [0.5]], [[1], [1]])
    buffer.compute_returns_and_advantage(torch.tensor([8.0]), np.array([True]))
    assert buffer.advantages.tolist() == [[0.5], [0.0]]


def test_credit_of_whole_trajectories_is_refused(refusal):
    buffer = filled(REWARDS, VALUES, STARTS, credit={"estimator": "grpo"})
    said = refusal(buffer.compute_returns_and_advantage, torch.zeros(2), np.array([True, True]))
    assert said == (
        "credit_steps: `estimator` must be one of time steps, such as gae or discounted_return, "
        "got grpo."
    )


def test_options_of_another_estimator_are_refused(refusal):
    assert "did you mean 'lam'" in refusal(credit_settings, {"estimator": "gae", "lamb": 1.0})
    assert "lamb" in refusal(filled, REWARDS, VALUES, STARTS, credit={"lamb": 1.0})


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="has no attribute 'RolloutBuffer'"):
        _ = ours.RolloutBuffer
