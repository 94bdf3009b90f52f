"""Read a batch of verl's driver v0 or v1, and write credit into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.integrations.verl.settings import group_ids, verl_settings
from creditlib.rows.columns import column_names, columns_from, columns_of
from creditlib.rows.credit import RowCredit, credit_rows
from creditlib.rows.read import Rows, read_rows
from creditlib.rows.settings import CreditSettings, setting
from creditlib.rows.token_rewards import rewards_of_rows
from creditlib.vocabulary.messages import contract_error

__all__ = ["Step", "credit_verl_batch"]


@dataclass
class Step:
    """A training step of v1: its batch in the queue, the queue, and metrics for the logger."""

    batch: Any
    queue: Any
    metrics: dict[str, Any] = field(default_factory=dict)


def credit_verl_batch(
    data: Any,
    adv_estimator: object,
    passed: Mapping[str, Any],
    *,
    keys: Sequence[str] | None = None,
    step: Step | None = None,
) -> RowCredit:
    """Write `advantages` and `returns` into a DataProto; the result has metrics for the logger.

    passed: the arguments of verl's driver by name. keys: the names of the rows in v1.
    """
    config = passed.get("config")
    settings = verl_settings(adv_estimator, config, passed)
    rows = _rows(data, settings, config, keys, step)
    credit = credit_rows(rows, settings)
    data.batch["advantages"], data.batch["returns"] = credit.advantage, credit.returns
    return credit


def _rows(
    data: Any, settings: CreditSettings, config: Any, keys: Sequence[str] | None, step: Step | None
) -> Rows:
    batch, beside = data.batch, data.non_tensor_batch
    mask, reward = batch["response_mask"], batch["token_level_rewards"]
    score = batch["token_level_scores"] if "token_level_scores" in batch else reward  # noqa: SIM401
    same = reward is score or reward.data_ptr() == score.data_ptr()
    outcome = rewards_of_rows(score, mask)
    more: dict[str, Any] = {}
    named = {"baseline": "reward_baselines"}
    columns = {**columns_of(batch, settings, named), **columns_of(beside, settings, named)}
    columns |= _objectives(beside, config)
    if keys is not None and step is not None and list(keys) != list(step.batch.keys):
        wanted = "the names of the step's batch in their order"  # columns are read in this order
        raise contract_error("creditlib", "batch_keys", wanted, f"{len(keys)} others")
    if keys is not None:
        sessions = [_session(key) for key in keys]
        more = {"trajectory": [s[:2] for s in sessions], "step": [s[2] for s in sessions]}
        more["outcome"] = settings.outcome or "same"  # verl copies the score of a session
    if step is not None:
        tags = [tag or {} for tag in step.batch.tags or [{}] * len(mask)]
        more["keep"] = [not tag.get("is_padding", False) for tag in tags]
        columns |= _recorded(step, settings)
        more["turn_mask"] = _first_mask(step, mask, config)
    return read_rows(
        mask=mask,
        group=group_ids(settings, beside.get("uid"), len(mask)),
        reward=outcome,
        shaping=None if same else rewards_of_rows(reward, mask) - outcome,
        token_reward=reward,
        value=batch["values"] if "values" in batch else None,  # noqa: SIM401
        columns=columns,
        settings=settings,
        **more,
    )


def _session(key: str) -> tuple[str, str, int]:
    """(uid, session, output) of a row's name."""
    parts = key.rsplit("_", 2)
    if len(parts) != 3 or not parts[2].isdigit():
        raise contract_error("creditlib", "batch_keys", "{uid}_{session}_{output}", repr(key))
    return parts[0], parts[1], int(parts[2])


def _objectives(beside: Mapping[str, Any], config: Any) -> dict[str, Any]:
    """The column `rewards` of gdpo, from the arrays that verl's configuration names."""
    named = setting(config, "gdpo_reward_keys")
    if not named or any(key not in beside for key in named):
        return {}
    return {"rewards": list(np.stack([np.asarray(beside[key], float) for key in named], 1))}


def _recorded(step: Step, settings: CreditSettings) -> dict[str, list[Any]]:
    """The columns that agent loops put into `extra_fields`, if the settings need any."""
    records = _fetch(step, "extra_fields") if column_names(settings) else None
    return {} if records is None else columns_from(records, settings)


def _fetch(step: Step, name: str) -> Any:
    """A field of all rows from the queue; None if the rows do not have it."""
    got = step.queue.kv_batch_get(
        keys=step.batch.keys, partition_id=step.batch.partition_id, select_fields=[name]
    )
    if name not in got.keys():  # noqa: SIM118
        return None
    value = got[name]
    if isinstance(value, Tensor):
        return value
    return value.tolist() if hasattr(value, "tolist") else list(value)


def _first_mask(step: Step, mask: Tensor, config: Any) -> Tensor | None:
    """The mask before rejection removed tokens from it: its runs are the turns."""
    corrected = setting(config, "rollout_correction")
    whole = _fetch(step, "response_mask") if corrected else None
    if whole is None:
        return None
    whole = whole.to_padded_tensor(0) if whole.is_nested else whole
    return torch.nn.functional.pad(whole, (0, mask.shape[1] - whole.shape[1]))
