"""verl-agent, the fork of verl by the authors of GiGPO: one row for each environment step.

Its trainer selects estimators in an if/elif chain, so `install` replaces `adv_estimator=gigpo`.
Call it in the process of the trainer, before `fit`. The option `episode_over` sets over what
statistics run, and copies that fill up a batch count once. `presets.VERL_AGENT_GIGPO` gives the
numbers of verl-agent itself.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.estimators import gigpo
from creditlib.inputs.ids import anchor_ids
from creditlib.integrations.patching import Hook, Trainer, replace_all
from creditlib.rows.credit import credit_rows
from creditlib.rows.read import outcome_of, read_rows
from creditlib.rows.settings import CreditSettings, credit_settings
from creditlib.vocabulary.messages import contract_error

__all__ = ["TRAINER", "credit_verl_agent_batch", "install"]

_MODULE = "verl.trainer.ppo.ray_trainer"
_ROW = "creditlib_row"

TRAINER = Trainer(
    name="verl-agent",
    package="verl",
    known=("2026-08",),
    hooks=(
        Hook(
            f"{_MODULE}:compute_advantage",
            (
                *("data", "adv_estimator", "gamma", "lam", "num_repeat", "multi_turn"),
                *("norm_adv_by_std_in_grpo", "step_advantage_w", "gigpo_mode"),
                *("gigpo_enable_similarity", "gigpo_similarity_thresh", "**kwargs"),
            ),
        ),
        Hook(f"{_MODULE}:adjust_batch", ("config", "data", "mode")),
    ),
)


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Use `settings` for `adv_estimator=gigpo`, with creditlib's gigpo as the default estimator.

    The returned function undoes it. `algorithm.gigpo.mode`, `step_advantage_w` and the similarity
    switches have their effect, and so has `algorithm.gamma`, with which verl-agent has discounted
    the returns already.
    """

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def compute_advantage(data: Any, adv_estimator: Any, *args: Any, **kwargs: Any) -> Any:
            if str(getattr(adv_estimator, "value", adv_estimator)) != "gigpo":
                return original(data, adv_estimator, *args, **kwargs)
            passed = {**dict(zip(TRAINER.hooks[0].parameters[2:], args, strict=False)), **kwargs}
            credit_verl_agent_batch(data, _resolved(settings, passed), passed)
            return data

        return compute_advantage

    compute, adjust = TRAINER.hooks
    return replace_all(TRAINER, {compute: wrap, adjust: _number_rows})


def _number_rows(original: Callable[..., Any]) -> Callable[..., Any]:
    """Number the rows before verl-agent copies some: a copy has the number of its original."""

    @functools.wraps(original)
    def adjust_batch(config: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
        data.non_tensor_batch[_ROW] = np.arange(len(data.non_tensor_batch["uid"]))
        return original(config, data, *args, **kwargs)

    return adjust_batch


def _resolved(settings: Mapping[str, Any] | None, passed: Mapping[str, Any]) -> CreditSettings:
    defaults = {
        "step_weight": passed.get("step_advantage_w", 1.0),
        "scale": "std" if passed.get("gigpo_mode", "mean_std_norm") == "mean_std_norm" else None,
        "gamma": passed.get("gamma", 1.0),
        "lam": passed.get("lam", 1.0),
    }
    resolved = credit_settings(settings, estimator="gigpo", defaults=defaults)
    if resolved.estimator is not gigpo:
        return resolved
    if "gamma" in (settings or {}):
        raise contract_error(
            "gigpo", "gamma", "algorithm.gamma: the returns are discounted already", "an option"
        )
    # The rows hold returns, which must not be discounted again.
    return dataclasses.replace(resolved, options={**resolved.options, "gamma": 0.0})


def credit_verl_agent_batch(data: Any, settings: CreditSettings, passed: Mapping[str, Any]) -> None:
    """Write `advantages` and `returns` of step rows into a DataProto, and metrics into meta_info.

    passed: the arguments of verl-agent's `compute_advantage`. The outcome of a trajectory is
    `episode_rewards`, and a KL penalty is its shaping. The scores and returns of rows contain the
    penalty of an invalid action; gigpo gets it as an option instead.
    """
    batch, beside = data.batch, data.non_tensor_batch
    mask = batch["response_mask"]
    if passed.get("multi_turn"):
        mask = batch["loss_mask"][:, -mask.shape[1] :]
    score = outcome_of(batch["token_level_scores"], mask)
    outcome = torch.as_tensor(np.asarray(beside["episode_rewards"], dtype=np.float64)).to(score)
    invalid, penalty = _penalty(beside, outcome - score)
    columns: dict[str, Any] = {"anchor": _anchors(beside, passed)}
    if settings.estimator is gigpo:
        returned = batch["step_rewards"].to(torch.float64) + penalty * invalid
        columns["turn_reward"] = returned.tolist()
        if penalty:
            columns["invalid_action"] = invalid.bool().tolist()
            options = {**settings.options, "invalid_penalty": penalty}
            settings = dataclasses.replace(settings, options=options)
    else:
        columns["turn_reward"] = [float(each) for each in beside["rewards"]]
    rows = read_rows(
        mask=mask,
        group=list(beside["uid"]),
        reward=outcome,
        shaping=outcome_of(batch["token_level_rewards"], mask) - score,
        trajectory=list(beside["traj_uid"]),
        step=beside[_ROW].tolist() if _ROW in beside else None,
        columns=columns,
        settings=settings,
    )
    credit = credit_rows(rows, settings)
    batch["advantages"], batch["returns"] = credit.advantage, credit.returns
    data.meta_info.setdefault("metrics", {}).update(credit.metrics)


def _penalty(beside: Mapping[str, Any], difference: Tensor) -> tuple[Tensor, float]:
    """Which rows had an invalid action, and the penalty that each of them got."""
    if "is_action_valid" not in beside:
        return torch.zeros_like(difference), 0.0
    valid = np.asarray(beside["is_action_valid"], dtype=np.float64).reshape(len(difference))
    invalid = torch.as_tensor(1 - valid).to(difference)
    penalties = difference[invalid > 0].to(torch.float32).unique()
    if len(penalties) > 1:
        fact = ", ".join(f"{each:g}" for each in penalties.tolist()[:3])
        wanted = "lower by the same penalty in all rows with an invalid action"
        raise contract_error("gigpo", "token_level_scores", wanted, fact)
    return invalid, round(float(penalties[0]), 6) if len(penalties) else 0.0


def _anchors(beside: Mapping[str, Any], passed: Mapping[str, Any]) -> list[Any]:
    """The state each row started from; with similarity, ids of similar texts of a prompt."""
    observations = list(beside["anchor_obs"])
    if not passed.get("gigpo_enable_similarity"):
        return observations
    limit = float(passed.get("gigpo_similarity_thresh", 0.95))
    ids = anchor_ids([[each] for each in observations], group=list(beside["uid"]), similarity=limit)
    return ids[:, 0].tolist()
