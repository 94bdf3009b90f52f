"""agent-lightning: `install()` replaces the `compute_advantage` that its trainer imports.

Afterwards `algorithm.adv_estimator` may be `creditlib_NAME`, or `creditlib` with a section
`creditlib` that names the estimator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from creditlib.integrations.patching import Hook, Trainer, replace_all
from creditlib.rows.columns import columns_of
from creditlib.rows.credit import credit_rows
from creditlib.rows.names import is_ours
from creditlib.rows.read import outcome_of, read_rows
from creditlib.rows.settings import CreditSettings, merge_settings, setting, settings_for
from creditlib.rows.turn_ids import one_turn
from creditlib.vocabulary.messages import contract_error

__all__ = ["TRAINER", "credit_lightning_batch", "install"]

_SHARED = ("adv_estimator", "gamma", "lam", "num_repeat", "norm_adv_by_std_in_grpo", "config")

TRAINER = Trainer(
    "agent-lightning",
    "agentlightning",
    ("1.0.2",),
    (
        Hook("agentlightning.verl.trainer:compute_advantage", ("data", *_SHARED)),
        Hook(
            "agentlightning.verl.trainer:compute_rollout_level_advantage",
            ("batch", *_SHARED, "compute_advantage_fn"),
        ),
    ),
)


def credit_lightning_batch(data: Any, settings: CreditSettings) -> Any:
    """Write `advantages` and `returns` into a DataProto whose rows are turns or trajectories.

    agent-lightning has rounded the rewards to bfloat16 before: rewards that differ only beyond two
    or three digits are equal here, and an estimator cannot tell them apart. It writes the reward of
    a rollout into each of its rows, so different rewards in one rollout are refused unless
    `outcome` of the settings says what they mean. A KL penalty is the shaping of its row.
    """
    batch, named = data.batch, data.non_tensor_batch
    mask, reward = batch["response_mask"], batch["token_level_rewards"]
    score = batch.get("token_level_scores", reward)
    outcome, turns = outcome_of(score, mask), named.get("turn_index_list")
    rows = read_rows(
        mask=mask,
        group=list(named["uid"]),
        reward=outcome,
        shaping=None if score is reward else outcome_of(reward, mask) - outcome,
        trajectory=list(named["rollout_id_list"]),
        step=None if turns is None else [int(each) for each in turns],
        outcome=settings.outcome or "same",
        token_reward=reward.float() if settings.credits_tokens else None,
        value=batch.get("values", None),
        turn=one_turn(mask, turns),
        columns=columns_of(named, settings),
        settings=settings,
    )
    credit = credit_rows(rows, settings)
    dtype = torch.promote_types(reward.dtype, torch.float32)
    batch["advantages"] = credit.advantage.to(dtype)
    batch["returns"] = credit.returns.to(dtype)
    data.meta_info.setdefault("metrics", {}).update(credit.metrics)
    return data


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Use creditlib for its names in `algorithm.adv_estimator`; the returned function undoes it.

    The section `creditlib` of the configuration overrides `settings`.
    """

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def compute(data: Any, adv_estimator: Any, *args: Any, **more: Any) -> Any:
            if not is_ours(adv_estimator):
                return original(data, adv_estimator, *args, **more)
            given = {**dict(zip(_SHARED[1:], args, strict=False)), **more}
            defaults = {name: given[name] for name in ("gamma", "lam") if name in given}
            if not given.get("norm_adv_by_std_in_grpo", True):
                defaults["scale"] = None
            whole = merge_settings(settings, setting(given.get("config"), "creditlib"))
            return credit_lightning_batch(data, settings_for(adv_estimator, whole, defaults))

        return compute

    def wrap_rollout_level(original: Callable[..., Any]) -> Callable[..., Any]:
        def compute(batch: Any, **more: Any) -> Any:
            if is_ours(more.get("adv_estimator")):
                fact = "True: it gives one number to all turns of a rollout"
                raise contract_error(
                    "agent-lightning", "enable_rollout_level_advantage", "False", fact
                )
            return original(batch, **more)

        return compute

    compute, rollout_level = TRAINER.hooks
    return replace_all(TRAINER, {compute: wrap, rollout_level: wrap_rollout_level})
