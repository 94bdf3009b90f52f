"""Credit through Stable-Baselines3's own loops: PPO and A2C collect, our buffer credits."""

import io

import numpy as np
import pytest
import torch

pytest.importorskip("stable_baselines3")

import gymnasium as gym
from gymnasium import spaces
from stable_baselines3 import A2C, PPO
from stable_baselines3.common import buffers
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.env_util import make_vec_env

from creditlib.integrations import stable_baselines3 as ours
from creditlib.integrations.patching import HookError
from creditlib.testing.tolerances import agree

STEPS = 21


class Corridor(gym.Env):
    """Ends by itself at place 3; the time limit of 7 steps cuts what dawdles."""

    observation_space = spaces.Box(-1.0, 6.0, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = 0
        return self.seen(), {}

    def seen(self):
        return np.array([self.place], dtype=np.float32)

    def step(self, action):
        self.place = max(self.place + (1 if action else -1), -1)
        reward = 0.3 * self.place + float(self.np_random.normal())
        return self.seen(), reward, self.place == 3, False, {}


def environments():
    wrap = {"max_episode_steps": 7}
    return make_vec_env(
        Corridor, n_envs=3, wrapper_class=gym.wrappers.TimeLimit, wrapper_kwargs=wrap
    )


def learned(algorithm=PPO, credit=None, buffer="CreditRolloutBuffer", **more):
    small = {} if algorithm is A2C else {"batch_size": STEPS, "n_epochs": 2}
    model = algorithm(
        "MlpPolicy",
        environments(),
        n_steps=STEPS,
        gamma=0.9,
        gae_lambda=0.8,
        seed=1,
        device="cpu",
        rollout_buffer_class=getattr(ours, buffer) if buffer else None,
        rollout_buffer_kwargs={"credit": credit} if buffer else None,
        **{**small, **more},
    )
    callback = ours.CreditCallback() if buffer else None
    # Nothing is dumped, so the logger still holds what was recorded.
    return model.learn(3 * STEPS * 4, callback=callback, log_interval=None)


class Compared(RolloutBuffer):
    """Its own GAE in float64, beside ours, for every rollout."""

    seen: tuple = ()

    def compute_returns_and_advantage(self, last_values, dones):
        kept = (self.rewards, self.values)
        mine = ours.credit_steps(
            reward=self.rewards,
            value=self.values,
            episode_start=self.episode_starts,
            last_value=last_values.numpy().flatten(),
            done=dones,
            settings=ours.credit_settings(
                {"estimator": "gae", "gamma": self.gamma, "lam": self.gae_lambda}
            ),
        )
        self.rewards, self.values = (x.astype(np.float64) for x in kept)
        self.advantages = self.advantages.astype(np.float64)
        super().compute_returns_and_advantage(last_values.double(), dones)
        Compared.seen += ((mine, self.advantages, self.returns, self.episode_starts, dones),)
        self.rewards, self.values = kept
        self.advantages, self.returns = (
            x.astype(np.float32) for x in (self.advantages, self.returns)
        )


def test_gae_is_theirs_with_time_limits_and_several_episodes_in_a_column():
    Compared.seen = ()
    PPO(
        "MlpPolicy",
        environments(),
        n_steps=STEPS,
        batch_size=STEPS,
        n_epochs=1,
        gamma=0.9,
        gae_lambda=0.8,
        seed=1,
        device="cpu",
        rollout_buffer_class=Compared,
    ).learn(3 * STEPS * 4)
    assert len(Compared.seen) == 4
    ended = np.concatenate([each[-1] for each in Compared.seen])
    assert ended.any()
    assert not ended.all()
    for (advantages, returns, _), theirs, their_returns, starts, _ in Compared.seen:
        assert starts[1:].sum() >= 6
        assert agree(torch.from_numpy(advantages), torch.from_numpy(theirs), "law, float32")
        assert agree(torch.from_numpy(returns), torch.from_numpy(their_returns), "law, float32")


@pytest.mark.parametrize("algorithm", [PPO, A2C])
def test_a_model_learns_what_it_learns_with_its_own_buffer(algorithm):
    mine, theirs = (learned(algorithm, buffer=b) for b in ("CreditRolloutBuffer", None))
    for a, b in zip(mine.policy.parameters(), theirs.policy.parameters(), strict=True):
        assert agree(a.detach(), b.detach())


def test_another_estimator_reaches_the_loss_and_the_logger():
    model = learned(credit={"estimator": "discounted_return", "gamma": 0.5})
    buffer = model.rollout_buffer
    # The buffer has been flattened for minibatches: one column after the other.
    shape = (3, STEPS)
    advantages = buffer.advantages.reshape(shape)
    rewards, starts = buffer.rewards.T, buffer.episode_starts.T
    ends = np.concatenate([starts[:, 1:], np.ones((3, 1))], axis=1) == 1
    np.testing.assert_array_equal(advantages[ends], rewards[ends])
    before = ~ends[:, :-1]
    follows = rewards[:, :-1] + 0.5 * advantages[:, 1:]
    assert agree(
        torch.from_numpy(advantages[:, :-1][before]), torch.from_numpy(follows[before]), ""
    )
    logged = model.logger.name_to_value
    assert buffer.metrics
    assert {name: logged[name] for name in buffer.metrics} == buffer.metrics


def test_dictionaries_as_observations():
    class Named(Corridor):
        observation_space = spaces.Dict({"place": Corridor.observation_space})

        def seen(self):
            return {"place": super().seen()}

    model = PPO(
        "MultiInputPolicy",
        make_vec_env(
            Named,
            n_envs=2,
            wrapper_class=gym.wrappers.TimeLimit,
            wrapper_kwargs={"max_episode_steps": 7},
        ),
        n_steps=8,
        batch_size=8,
        n_epochs=1,
        device="cpu",
        rollout_buffer_class=ours.CreditDictRolloutBuffer,
    ).learn(16)
    assert np.isfinite(model.rollout_buffer.advantages).all()


def test_a_saved_model_finds_its_buffer_again():
    model = learned(credit={"estimator": "gae", "lam": 0.5})
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    again = PPO.load(file, env=environments(), device="cpu")
    assert again.rollout_buffer_class is ours.CreditRolloutBuffer
    assert again.rollout_buffer.settings.options["lam"] == 0.5
    assert again.rollout_buffer.settings.options["gamma"] == 0.9


def test_a_buffer_whose_method_has_moved_is_refused(monkeypatch):
    monkeypatch.setattr(
        buffers.RolloutBuffer, "compute_returns_and_advantage", lambda self, last_values: None
    )
    ours._made.cache_clear()
    with pytest.raises(HookError, match=r"Stable-Baselines3 2\.9\.2: .* as in 2\.9\.2, got"):
        _ = ours.CreditRolloutBuffer
    ours._made.cache_clear()
