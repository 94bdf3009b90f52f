"""Stable-Baselines3: a rollout buffer for PPO and A2C with credit by any estimator of tokens.

A time step is a token. An episode, or the part of it that is in the buffer, is a row.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from creditlib.integrations.patching import Hook, Trainer, replace_all, verify
from creditlib.rows.credit import credit_rows
from creditlib.rows.padding import Segments
from creditlib.rows.read import outcome_of, read_rows
from creditlib.rows.settings import CreditSettings, credit_settings
from creditlib.vocabulary.messages import contract_error

__all__ = ["TRAINER", "credit_buffer", "credit_steps", "install"]

_INIT = ("buffer_size", "observation_space", "action_space", "device", "gae_lambda", "gamma")
_COMPUTE = ("self", "last_values", "dones")
_BUFFERS = "stable_baselines3.common.buffers"
_ALGORITHM = "stable_baselines3.common.on_policy_algorithm"
_CALLBACK = "stable_baselines3.common.callbacks:BaseCallback"

TRAINER = Trainer(
    "Stable-Baselines3",
    "stable-baselines3",
    ("2.9.2",),
    (
        Hook(f"{_BUFFERS}:RolloutBuffer", (*_INIT, "n_envs")),
        Hook(f"{_BUFFERS}:RolloutBuffer.compute_returns_and_advantage", _COMPUTE),
        Hook(f"{_BUFFERS}:DictRolloutBuffer", (*_INIT, "n_envs")),
        Hook(f"{_BUFFERS}:DictRolloutBuffer.compute_returns_and_advantage", _COMPUTE),
        Hook(f"{_ALGORITHM}:RolloutBuffer", (*_INIT, "n_envs")),
        Hook(f"{_ALGORITHM}:DictRolloutBuffer", (*_INIT, "n_envs")),
        Hook(f"{_CALLBACK}._on_step", ("self",)),
        Hook(f"{_CALLBACK}._on_rollout_end", ("self",)),
    ),
)
_BUFFER_HOOKS, _DEFAULTS, _CALLBACKS = TRAINER.hooks[:4], TRAINER.hooks[4:6], TRAINER.hooks[6:]


def credit_steps(
    *,
    reward: np.ndarray[Any, Any],
    value: np.ndarray[Any, Any],
    episode_start: np.ndarray[Any, Any],
    last_value: np.ndarray[Any, Any],
    done: np.ndarray[Any, Any],
    settings: CreditSettings,
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], dict[str, float]]:
    """(advantages, returns, metrics) of a buffer; advantages and returns are [step environment].

    reward, value, episode_start: [step environment]. last_value, done: of each environment after
    the last step. Only an episode that the end of the buffer cuts is bootstrapped, because
    Stable-Baselines3 itself adds the value after a time limit to the reward.

    >>> column = np.array([[0.0], [1.0], [0.0], [2.0]], dtype=np.float32)
    >>> advantages, returns, _ = credit_steps(
    ...     reward=column,
    ...     value=np.full((4, 1), 0.5, dtype=np.float32),
    ...     episode_start=np.array([[1], [0], [1], [0]]),
    ...     last_value=np.array([4.0]),
    ...     done=np.array([False]),
    ...     settings=credit_settings({"estimator": "gae", "gamma": 0.5, "lam": 1.0}),
    ... )
    >>> advantages[:, 0].tolist(), returns[:, 0].tolist()
    ([0.0, 0.5, 1.5, 3.5], [0.5, 1.0, 2.0, 4.0])
    """
    if not settings.credits_tokens:
        wanted = "one of time steps, such as gae or discounted_return"
        raise contract_error("credit_steps", "estimator", wanted, settings.name)
    of_columns = [torch.from_numpy(np.ascontiguousarray(x.T)) for x in (reward, value)]
    pieces = Segments.of(torch.from_numpy(episode_start.T != 0))
    rewards, values = (pieces.take(x) for x in of_columns)
    cut = pieces.last == pieces.time - 1
    after = torch.from_numpy(np.where(done, 0.0, last_value)).to(torch.float32)
    mask = pieces.valid
    rows = read_rows(
        mask=mask,
        group=pieces.row,
        reward=outcome_of(rewards, mask),
        token_reward=rewards,
        value=values,
        columns={"bootstrap": torch.where(cut, after[pieces.row], 0.0).tolist()},
        settings=settings,
    )
    credit = credit_rows(rows, settings)
    both = (pieces.back(x).numpy().T for x in (credit.advantage, credit.returns))
    advantages, returns = (np.ascontiguousarray(x) for x in both)
    return advantages, returns, credit.metrics


def credit_buffer(base: type[Any], settings: Mapping[str, Any] | None = None) -> type[Any]:
    """A subclass of a rollout buffer whose argument `credit` holds credit settings.

    Without that argument `settings` count. `gamma` and `gae_lambda` of the algorithm are defaults
    of the estimator's gamma and lam. After a rollout `metrics` holds numbers for a logger.
    """

    class Buffer(base):
        def __init__(
            self, *args: Any, credit: Mapping[str, Any] | None = None, **kwargs: Any
        ) -> None:
            super().__init__(*args, **kwargs)
            defaults = {"gamma": self.gamma, "lam": self.gae_lambda}
            given = settings if credit is None else credit
            self.settings = credit_settings(given, estimator="gae", defaults=defaults)
            self.metrics: dict[str, float] = {}

        def compute_returns_and_advantage(self, last_values: Any, dones: Any) -> None:
            self.advantages, self.returns, self.metrics = credit_steps(
                reward=self.rewards,
                value=self.values,
                episode_start=self.episode_starts,
                last_value=last_values.detach().cpu().numpy().flatten(),
                done=np.asarray(dones).astype(bool).flatten(),
                settings=self.settings,
            )

    return Buffer


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Make credit buffers the default of PPO and A2C; the returned function undoes it.

    An algorithm that is given a `rollout_buffer_class` keeps it.
    """
    for hook in _BUFFER_HOOKS:
        verify(TRAINER, hook)

    def wrap(base: Any) -> Any:
        return credit_buffer(base, settings)

    return replace_all(TRAINER, dict.fromkeys(_DEFAULTS, wrap))


def _callback() -> type[Any]:
    """A callback that records the metrics of the buffer at the end of each rollout."""
    for hook in _CALLBACKS:
        verify(TRAINER, hook)
    base: Any = importlib.import_module("stable_baselines3.common.callbacks").BaseCallback

    class Callback(base):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            for name, number in self.model.rollout_buffer.metrics.items():
                self.logger.record(name, number)

    return Callback


@functools.cache
def _made(name: str) -> type[Any]:
    """The class of a name; a saved model finds it by module and name."""
    if name == "CreditCallback":
        made = _callback()
    else:
        first = 0 if name == "CreditRolloutBuffer" else 2
        base = verify(TRAINER, TRAINER.hooks[first])
        verify(TRAINER, TRAINER.hooks[first + 1])
        made = credit_buffer(base)
    made.__module__, made.__name__, made.__qualname__ = __name__, name, name
    return made


def __getattr__(name: str) -> Any:
    if name in ("CreditRolloutBuffer", "CreditDictRolloutBuffer", "CreditCallback"):
        return _made(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
