"""SkyRL: estimators in its registry, and a mixin for its trainer.

`install()` or `register()` is enough for estimators of outcomes and for single turns. The registry
passes neither the loss mask nor other steps; `credit_ray_trainer(RayPPOTrainer)` reads both, in
step-wise mode too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from creditlib.integrations.patching import Hook, Trainer, verify
from creditlib.rows.columns import columns_from, turn_rewards
from creditlib.rows.credit import RowCredit, credit_rows
from creditlib.rows.names import PREFIX, estimator_names, estimator_of
from creditlib.rows.read import outcome_of, read_rows
from creditlib.rows.settings import CreditSettings, credit_settings, merge_settings, setting
from creditlib.vocabulary.messages import contract_error

__all__ = ["TRAINER", "Estimator", "credit_ray_trainer", "install", "register"]

_UTILS = "skyrl.backends.skyrl_train.utils.ppo_utils"
_REGISTRY = f"{_UTILS}:AdvantageEstimatorRegistry"
_METHOD = "skyrl.train.trainer:RayPPOTrainer.{}"
TRAINER = Trainer(
    name="SkyRL",
    package="skyrl",
    known=("0.3.0", "0.4.0"),
    hooks=(
        Hook(f"{_REGISTRY}.register", ("name", "func")),
        Hook(f"{_REGISTRY}.unregister", ("name",)),
        Hook(f"{_REGISTRY}.list_available", ()),
        Hook(
            f"{_UTILS}:compute_advantages_and_returns",
            (
                *("token_level_rewards", "response_mask", "index", "adv_estimator", "config"),
                *("values", "grpo_norm_by_std", "gamma", "lambd", "**kwargs"),
            ),
        ),
        Hook(_METHOD.format("compute_advantages_and_returns"), ("self", "data")),
        Hook(_METHOD.format("convert_to_training_input"), ("self", "generator_output", "uids")),
    ),
)
_REGISTER, _UNREGISTER, _LIST, _DISPATCH, _COMPUTE, _CONVERT = TRAINER.hooks
_KEY = "creditlib"
_KEPT = (_KEY, "trajectory_ids")  # keys of the generator's output that SkyRL drops
_LOGGED = (
    ("loss/avg_final_rewards", "avg_final_rewards"),
    ("loss/avg_raw_advantages", "avg_advantages"),
    ("loss/avg_raw_advantages_abs", "avg_advantages_abs"),
)


def register(settings: Mapping[str, Any] | None = None) -> list[str]:
    """Register every estimator, plug-ins too, in SkyRL's registry as `creditlib_<name>`.

    Call it before SkyRL validates its configuration. `settings` are the options of the estimator
    that the configuration names; the section `creditlib` of `trainer.algorithm` overrides them.
    Returns the names.
    """
    _register(settings)
    return [f"{PREFIX}{name}" for name in estimator_names()]


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Do what `register` does; the returned function removes from the registry what was added.

    Users of `credit_ray_trainer` pass their settings to it and need no installation.
    """
    remove, added = verify(TRAINER, _UNREGISTER), _register(settings)

    def undo() -> None:
        for name in added:
            remove(name)

    return undo


def _register(settings: Mapping[str, Any] | None) -> list[str]:
    """The names added to SkyRL's registry: those that it did not have."""
    add, available = verify(TRAINER, _REGISTER), verify(TRAINER, _LIST)
    verify(TRAINER, _DISPATCH)
    known = set(available())
    named = {f"{PREFIX}{name}": function for name, function in estimator_names().items()}
    added = [name for name in named if name not in known]
    for name in added:
        add(name, Estimator(named[name], dict(settings or {})))
    return added


@dataclass(frozen=True)
class Estimator:
    """An estimator with the arguments that SkyRL's registry passes.

    `response_mask` marks every token of the response, tool output included, so a row is one turn.
    """

    function: Callable[..., Any]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __call__(
        self,
        token_level_rewards: Tensor,
        response_mask: Tensor,
        index: Sequence[Any],
        values: Tensor | None = None,
        grpo_norm_by_std: bool = True,
        gamma: float = 1.0,
        lambd: float = 1.0,
        config: Any = None,
        **_: Any,
    ) -> tuple[Tensor, Tensor]:
        """(advantages, returns), not reduced: SkyRL applies its loss reduction itself."""
        defaults = _defaults(gamma, lambd, grpo_norm_by_std)
        resolved = _resolved(self.function, config, self.settings, defaults)
        _refuse_last_steps(resolved, response_mask, index)
        uids = [str(uid) for uid in index]
        rows = read_rows(
            mask=response_mask,
            group=uids,
            reward=outcome_of(token_level_rewards, response_mask),
            keep=_not_padding(uids),
            token_reward=token_level_rewards,
            value=values,
            settings=resolved,
        )
        credit = credit_rows(rows, resolved)
        like = token_level_rewards
        return _as(credit.advantage, like), _as(credit.returns, like).clone()


def credit_ray_trainer(base: type[Any], settings: Mapping[str, Any] | None = None) -> type[Any]:
    """A subclass of SkyRL's RayPPOTrainer that computes credit from whole trajectories.

    It replaces SkyRL's advantages if `trainer.algorithm.advantage_estimator` names an estimator of
    creditlib, such as `creditlib_gigpo`. Turns are the runs of the loss mask, or the steps in
    step-wise mode. Columns (anchor, duration, …) are read from `generator_output["creditlib"]`, a
    list with one mapping for each row.
    """
    verify(TRAINER, _COMPUTE)
    verify(TRAINER, _CONVERT)

    class CreditTrainer(base):
        def convert_to_training_input(self, generator_output: Any, uids: list[str]) -> Any:
            data = super().convert_to_training_input(generator_output, uids)
            data.metadata[_KEY] = {key: generator_output.get(key) for key in _KEPT}
            return data

        @torch.no_grad()
        def compute_advantages_and_returns(self, data: Any) -> Any:
            algorithm = self.cfg.trainer.algorithm
            kept = data.metadata.pop(_KEY, None) or {}
            function = estimator_of(algorithm.advantage_estimator)
            if function is None:
                return super().compute_advantages_and_returns(data)
            defaults = _defaults(algorithm.gamma, algorithm.lambd, algorithm.grpo_norm_by_std)
            resolved = _resolved(function, algorithm, settings, defaults)
            generator = self.cfg.generator
            steps = bool(generator.step_wise_trajectories)
            merged = bool(setting(generator, "merge_stepwise_output"))
            credit = _credit(data, resolved, kept, steps, steps and not merged)
            data["advantages"] = _as(credit.advantage, data["rewards"])
            data["returns"] = _as(credit.returns, data["rewards"]).clone()
            data = data.to("cpu")
            logged = _logged(data, steps)
            data.metadata.setdefault("metrics", {}).update(logged)
            self.all_metrics.update(credit.metrics)
            self.all_metrics.update({name: logged[key] for name, key in _LOGGED})
            return data

    CreditTrainer.__name__ = f"Credit{base.__name__}"
    return CreditTrainer


def _credit(
    data: Any, settings: CreditSettings, kept: Mapping[str, Any], steps: bool, one_turn: bool
) -> RowCredit:
    """The credit of a batch. steps: a row is a step. one_turn: each row is one turn."""
    mask, response, reward = data["loss_mask"], data["response_mask"], data["rewards"]
    turn_mask = response if one_turn else mask
    real = len(mask) - int(data.metadata.get("pad_size") or 0)
    given = list(kept.get(_KEY) or [None] * real)
    if len(given) != real:
        raise contract_error(
            "skyrl", "creditlib", f"a mapping for each of {real} rows", str(len(given))
        )
    columns = columns_from([*given, *[None] * (len(mask) - real)], settings)
    outcome = outcome_of(reward, response)
    if "turn_reward" in settings.needs and "turn_reward" not in columns:
        clean = torch.where(response != 0, reward, 0.0)
        columns["turn_reward"] = turn_rewards(clean, turn_mask)
    trajectory = _trajectories(data, kept, real) if steps else range(len(mask))
    lost: set[Any] = set()
    if "turn_reward" in settings.needs:  # a trajectory is unscored if one of its steps is
        lost = {trajectory[row] for row in outcome.isnan().nonzero()[:, 0].tolist()}
    rows = read_rows(
        mask=mask,
        group=[str(uid) for uid in data.metadata["uids"]],
        reward=outcome,
        trajectory=trajectory,
        keep=[row < real and own not in lost for row, own in enumerate(trajectory)],
        token_reward=reward,
        value=data.get("values"),
        turn_mask=turn_mask,
        columns=columns,
        # Rewards of earlier steps are not lost where the estimator reads rewards of turns alone.
        outcome=settings.outcome or (None if "reward" in settings.needs else "last"),
        settings=settings,
    )
    return credit_rows(rows, settings)


def _trajectories(data: Any, kept: Mapping[str, Any], real: int) -> list[str]:
    """The trajectory of each step, by its id or else by `is_last_step`."""
    rows, named = len(data["loss_mask"]), kept.get("trajectory_ids")
    if named is not None:
        if len(named) != real:
            raise contract_error(
                "skyrl", "trajectory_ids", f"one for each of {real} rows", str(len(named))
            )
        texts = [each.to_string() if hasattr(each, "to_string") else str(each) for each in named]
        return [*texts, *(f"pad{row}" for row in range(rows - real))]
    last = [bool(each) for each in data.metadata["is_last_step"]]
    return [str(number) for number in accumulate([0, *last[:-1]])]


def _logged(data: Any, steps: bool) -> dict[str, float]:
    """The numbers that SkyRL's own method logs, over rows that are not padding."""
    real = len(data["rewards"]) - int(data.metadata.get("pad_size") or 0)
    earned = outcome_of(data["rewards"], data["response_mask"])[:real]
    if steps:
        earned = earned[
            torch.tensor(data.metadata["is_last_step"], dtype=torch.bool, device="cpu")[:real]
        ]
    credit = data["advantages"][:real][data["response_mask"][:real].bool()]
    return {
        "avg_final_rewards": earned.nanmean().item(),
        "avg_response_length": data.metadata["avg_response_length"],
        "avg_advantages": credit.mean().item(),
        "avg_advantages_abs": credit.abs().mean().item(),
    }


def _resolved(
    function: Callable[..., Any], config: Any, settings: Any, defaults: Mapping[str, Any]
) -> CreditSettings:
    if setting(config, "advantage_batch_normalize"):
        wanted = "False (its mean counts padding as zeros)"
        raise contract_error("skyrl", "advantage_batch_normalize", wanted, "True")
    whole = merge_settings(settings, setting(config, _KEY))
    return credit_settings(whole, estimator=function, defaults=defaults)


def _defaults(gamma: float, lambd: float, norm_by_std: bool) -> dict[str, Any]:
    return {"gamma": gamma, "lam": lambd, **({} if norm_by_std else {"scale": None})}


def _refuse_last_steps(settings: CreditSettings, mask: Tensor, index: Sequence[Any]) -> None:
    """In step-wise mode SkyRL passes its registry last steps only, with a mask of ones."""
    last = mask.is_floating_point() and hasattr(index, "dtype") and bool((mask == 1).all())
    if last and (settings.credits_tokens or settings.uses_turns or settings.uses_lengths):
        wanted = "used with `credit_ray_trainer` in step-wise mode"
        raise contract_error(
            settings.name, "estimator", wanted, "a registry that sees last steps only"
        )


def _not_padding(uids: Sequence[str]) -> list[bool]:
    """False for the padding at the end; SkyRL gives these rows the uids pad0, pad1 and so on."""
    real = len(uids)
    if "pad0" in uids:
        first = real - list(reversed(uids)).index("pad0") - 1
        if list(uids[first:]) == [f"pad{row}" for row in range(real - first)]:
            real = first
    return [row < real for row in range(len(uids))]


def _as(x: Tensor, like: Tensor) -> Tensor:
    return x.to(like.device, like.dtype if like.is_floating_point() else x.dtype)
