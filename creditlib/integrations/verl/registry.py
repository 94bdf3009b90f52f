"""verl: every estimator in its registry as `creditlib_<name>`.

`algorithm.adv_estimator=creditlib_grpo` is all that a user writes; verl itself loads an installed
creditlib (entry point `verl.plugins`). The registry does not pass on critic values, the session and
turn of a row, or what an agent loop recorded beside its tokens; `driver` reads these from verl.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from creditlib.integrations.patching import HookError, verify
from creditlib.integrations.verl.driver import patch_drivers
from creditlib.integrations.verl.settings import (
    CORE,
    INSTALLED,
    NAME,
    PATCH_ERRORS,
    TRAINER,
    group_ids,
    verl_settings,
)
from creditlib.rows.credit import credit_rows
from creditlib.rows.names import PREFIX, estimator_names
from creditlib.rows.read import read_rows
from creditlib.rows.token_rewards import rewards_of_rows

__all__ = ["estimator", "install", "register"]


def estimator(name: str) -> Callable[..., tuple[Tensor, Tensor]]:
    """The function in verl's registry: it gets rewards, mask, uids and the `algorithm` section.

    >>> import numpy as np
    >>> import torch
    >>> rewards = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    >>> mask = torch.tensor([[1, 1, 0], [1, 0, 1]])
    >>> uid = np.array(["a", "a"], dtype=object)
    >>> estimator("creditlib_rloo")(token_level_rewards=rewards, response_mask=mask, index=uid)[0]
    tensor([[ 1.,  1.,  0.],
            [-1.,  0., -1.]])
    """

    def credit(
        token_level_rewards: Tensor,
        response_mask: Tensor,
        config: Any = None,
        index: Sequence[Any] | None = None,
        reward_baselines: Tensor | None = None,
        **others: Any,
    ) -> tuple[Tensor, Tensor]:
        settings = verl_settings(name, config)
        columns = {} if reward_baselines is None else {"baseline": reward_baselines.tolist()}
        rows = read_rows(
            mask=response_mask,
            group=group_ids(settings, index, len(response_mask)),
            reward=rewards_of_rows(token_level_rewards, response_mask),
            token_reward=token_level_rewards,
            columns=columns,
            settings=settings,
        )
        if PATCH_ERRORS and settings.required - rows.batch.keys() - rows.tokens.keys():
            raise HookError(PATCH_ERRORS[0])  # only the driver that was not patched could pass it
        found = credit_rows(rows, settings)
        return found.advantage, found.returns

    credit.__name__ = credit.__qualname__ = name
    return credit


def register() -> list[str]:
    """Add every estimator to verl's registry, and patch verl's drivers after their import.

    A name that the registry has already is left as it is. Returns the names.
    """
    _register()
    return _names()


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Do what `register` does; the returned function undoes it.

    The section `algorithm.creditlib` overrides `settings`.
    """
    unregister, restore = _register(), INSTALLED.install(settings)

    def undo() -> None:
        restore()
        unregister()

    return undo


def _register() -> Callable[[], None]:
    verify(TRAINER, TRAINER.hooks[0])
    verify(TRAINER, TRAINER.hooks[6])
    core = importlib.import_module(CORE)
    added = [name for name in _names() if name not in core.ADV_ESTIMATOR_REGISTRY]
    for name in added:
        core.register_adv_est(name)(estimator(name))
    unpatch = patch_drivers(PATCH_ERRORS)

    def undo() -> None:
        unpatch()
        for name in added:
            del core.ADV_ESTIMATOR_REGISTRY[name]

    return undo


def _names() -> list[str]:
    return [NAME, *(PREFIX + each for each in estimator_names())]
