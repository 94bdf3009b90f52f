"""rLLM: an estimator for its registry, and credit of turns written onto steps.

The registry takes one number for each trajectory. Credit of turns and tokens is written to
`step.advantage` by `write_step_advantages`, which `install` calls; rLLM uses it with
`use_precomputed_advantage`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.integrations.patching import Hook, Trainer, replace_all, verify
from creditlib.rows.columns import columns_from
from creditlib.rows.credit import RowCredit, credit_rows
from creditlib.rows.padding import padded
from creditlib.rows.read import read_rows
from creditlib.rows.settings import CreditSettings, credit_settings, setting
from creditlib.vocabulary.messages import contract_error

__all__ = ["TRAINER", "install", "register", "rllm_estimator", "write_step_advantages"]

_COLLECT = "collect_reward_and_advantage_from_trajectory_groups"
_CALL = ("groups", "algorithm_config", "collect_advantage")

TRAINER = Trainer(
    "rLLM",
    "rllm",
    ("9beb6e0",),
    (
        Hook("rllm.trainer.algorithms.advantage:register_rllm_adv_estimator", ("name",)),
        Hook(f"rllm.trainer.algorithms.advantage:{_COLLECT}", _CALL),
        Hook(f"rllm.trainer.backend_protocol:{_COLLECT}", _CALL),
        Hook(f"rllm.trainer.buffer:{_COLLECT}", _CALL),
        Hook(
            "rllm.trainer.algorithms.advantage:rLLMAdvantageEstimator.OTHER",
            value_type="rLLMAdvantageEstimator",
        ),
    ),
)
_REGISTER, _COLLECTS, _OTHER = TRAINER.hooks[0], TRAINER.hooks[1:4], TRAINER.hooks[4]


def rllm_estimator(
    rewards: Sequence[np.ndarray[Any, Any]],
    algorithm_config: Any,
    *,
    traj_groups: Sequence[Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    **others: Any,
) -> tuple[list[np.ndarray[Any, Any]], list[np.ndarray[Any, Any]]]:
    """(advantages, returns), one number for each trajectory of each group.

    Each entry of the list is a group. A trajectory whose steps have no tokens takes no part.

    >>> found, _ = rllm_estimator([np.array([1.0, 0.0]), np.array([1.0])], None)
    >>> [each.round(3).tolist() for each in found]
    [[0.707, -0.707], [0.0]]
    """
    defaults = (
        {"scale": None} if setting(algorithm_config, "norm_adv_by_std_in_grpo") is False else {}
    )
    resolved = credit_settings(settings, estimator="grpo", defaults=defaults)
    trajectories = [each for group in traj_groups or [] for each in group.trajectories]
    sizes = [len(each) for each in rewards]
    masks = [_mask(each.steps) for each in trajectories] or [torch.ones(1, device="cpu")] * sum(
        sizes
    )
    if not any(bool(mask.any()) for mask in masks):
        masks = [torch.ones(1, device="cpu")] * sum(sizes)  # rLLM passed no tokens at all
    rows = read_rows(
        mask=padded(masks),
        group=[number for number, size in enumerate(sizes) for _ in range(size)],
        reward=[float(each) for group in rewards for each in group],
        columns=columns_from([_metadata(each) for each in trajectories], resolved),
        settings=resolved,
    )
    numbers = _one_each(credit_rows(rows, resolved), rows.turn >= 0, resolved)
    cut = np.cumsum(sizes)[:-1]
    both = np.split(numbers, cut)
    return both, [each.copy() for each in both]


def _one_each(credit: RowCredit, written: Tensor, settings: CreditSettings) -> np.ndarray[Any, Any]:
    """The credit of each row; credit that differs along a row is refused."""
    advantage = credit.advantage
    high = torch.where(written, advantage, -torch.inf).amax(1)
    low = torch.where(written, advantage, torch.inf).amin(1)
    if bool(((high != low) & written.any(1)).any()):
        wanted = "one that credits trajectories (for turns: write_step_advantages)"
        raise contract_error("rllm_estimator", "estimator", wanted, settings.name)
    return torch.where(written.any(1), high, 0.0).to(torch.float64).numpy()


def register(
    settings: Mapping[str, Any] | None = None, name: str = "other"
) -> Callable[..., tuple[list[Any], list[Any]]]:
    """Register `rllm_estimator` with `settings` under a name of rLLM's configuration.

    rLLM turns a name that it does not know into "other", so "other" is the default here.
    """
    add = verify(TRAINER, _REGISTER)
    verify(TRAINER, _OTHER)
    module: Any = importlib.import_module("rllm.trainer.algorithms.advantage")

    def estimator(rewards: Any, algorithm_config: Any, **more: Any) -> tuple[list[Any], list[Any]]:
        return rllm_estimator(rewards, algorithm_config, settings=settings, **more)

    add(module.rLLMAdvantageEstimator(name))(estimator)
    return estimator


def write_step_advantages(
    groups: Iterable[Any], settings: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """Write `step.advantage`, a list with the credit of each token, and return metrics.

    A step is a turn, `step.reward` is its reward, and `step.metadata` holds columns. rLLM trains on
    these advantages with `use_precomputed_advantage`.
    """
    resolved = credit_settings(settings, estimator="grpo")
    trajectories = [
        (number, place, trajectory)
        for number, group in enumerate(groups)
        for place, trajectory in enumerate(group.trajectories)
    ]
    steps = [
        (number, place, turn, trajectory, step)
        for number, place, trajectory in trajectories
        for turn, step in enumerate(trajectory.steps)
    ]
    columns = columns_from([_metadata(step) for *_, step in steps], resolved)
    if "turn_reward" in resolved.needs:
        columns.setdefault("turn_reward", [step.reward for *_, step in steps])
    rows = read_rows(
        mask=padded([torch.ones(len(step.response_ids), device="cpu") for *_, step in steps]),
        group=[number for number, *_ in steps],
        reward=[trajectory.reward for *_, trajectory, _ in steps],
        trajectory=[(number, place) for number, place, *_ in steps],
        step=[turn for _, _, turn, _, _ in steps],
        columns={name: [_listed(each) for each in values] for name, values in columns.items()},
        settings=resolved,
    )
    credit = credit_rows(rows, resolved)
    for (*_, step), row in zip(steps, credit.advantage, strict=True):
        step.advantage = row[: len(step.response_ids)].tolist()
    return credit.metrics


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Write step advantages before rLLM collects them; the returned function undoes this."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def collect(groups: Any, algorithm_config: Any, collect_advantage: bool = True) -> Any:
            if not collect_advantage:
                return original(groups, algorithm_config, collect_advantage)
            if not setting(algorithm_config, "use_precomputed_advantage"):
                raise contract_error("rLLM", "use_precomputed_advantage", "True", "False")
            written = write_step_advantages(groups, settings)
            return {**original(groups, algorithm_config, collect_advantage), **written}

        return collect

    return replace_all(TRAINER, dict.fromkeys(_COLLECTS, wrap))


def _mask(steps: Sequence[Any]) -> Tensor:
    """1 for every token of every step, 0 between steps, so that each step is a turn."""
    parts = [
        torch.cat([torch.ones(len(step.response_ids), device="cpu"), torch.zeros(1, device="cpu")])
        for step in steps
    ]
    return torch.cat(parts) if parts else torch.zeros(1, device="cpu")


def _metadata(holder: Any) -> Any:
    return setting(holder, "metadata")


def _listed(value: Any) -> Any:
    """The column value of a step as a list: a step is one turn, so it has one value."""
    return value if value is None or isinstance(value, list) else [value]
