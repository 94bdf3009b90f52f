"""ROLL, agentic pipeline: `install()` replaces `agentic_compute_advantage`.

The pipeline accepts a closed list of names as `adv_estimator`. So its configuration keeps one of
these names, and an argument of `install` lists those that use creditlib.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from torch import Tensor

from creditlib.integrations.patching import Hook, Trainer, replace
from creditlib.rows.columns import columns_of
from creditlib.rows.credit import credit_rows
from creditlib.rows.read import outcome_of, read_rows
from creditlib.rows.settings import CreditSettings, credit_settings, setting
from creditlib.rows.turn_ids import one_turn
from creditlib.vocabulary.messages import contract_error

__all__ = ["TRAINER", "credit_roll_batch", "install"]

TRAINER = Trainer(
    "ROLL",
    "roll",
    ("8eb27cc",),
    (
        Hook(
            "roll.pipeline.agentic.agentic_pipeline:agentic_compute_advantage",
            (
                "data",
                "gamma",
                "lambd",
                "adv_estimator",
                "advantage_clip",
                "whiten_advantages",
                "whiten_rewards",
                "response_mask",
                "pipeline_config",
            ),
        ),
    ),
)

# Settings with which the pipeline changes rewards or advantages in ways that creditlib ignores.
_REFUSED = ("add_token_level_kl", "is_pure_opd", "use_opd", "reward_clip")
# Columns that the pipeline has under another name.
_COLUMN_NAMES = {"anchor": "state_hash", "turn_reward": "step_scores"}


def credit_roll_batch(
    data: Any,
    settings: CreditSettings,
    *,
    advantage_clip: float | None = None,
    response_mask: Tensor | None = None,
) -> Any:
    """Write `advantages`, `raw_advantages` and `returns` into a DataProto of the pipeline.

    A row is a trajectory, or a step of one if the rows have `step`. Tokens are shifted by one.
    """
    batch, named = data.batch, data.non_tensor_batch
    mask = batch["response_mask"][:, 1:] if response_mask is None else response_mask
    scores = named.get("episode_scores")
    if scores is None:
        reward = outcome_of(batch["scores"], batch["response_mask"])
    else:
        reward = [float(each) for each in scores]
    rows = read_rows(
        mask=mask,
        group=list(named["traj_group_id"]),
        reward=reward,
        trajectory=list(named["traj_id"]) if "traj_id" in named else None,
        step=[int(each) for each in named["step"]] if "step" in named else None,
        value=batch.get("values", None),
        turn=one_turn(mask, named.get("step")),
        columns=columns_of(named, settings, _COLUMN_NAMES),
        settings=settings,
    )
    credit = credit_rows(rows, settings)
    advantage = credit.advantage
    batch["raw_advantages"] = advantage
    batch["advantages"] = (
        advantage
        if advantage_clip is None
        else advantage.clamp(min=-advantage_clip, max=advantage_clip)
    )
    batch["returns"] = credit.returns
    data.meta_info.setdefault("metrics", {}).update(credit.metrics)
    return data


def install(
    settings: Mapping[str, Any] | None = None, *, instead_of: Collection[str] = ("reinforce",)
) -> Callable[[], None]:
    """Use creditlib where `adv_estimator` is one of `instead_of`.

    The returned function undoes it.
    """

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def compute(
            data: Any,
            gamma: Any,
            lambd: Any,
            adv_estimator: Any,
            advantage_clip: Any = None,
            whiten_advantages: bool = False,
            whiten_rewards: bool = False,
            response_mask: Any = None,
            pipeline_config: Any = None,
        ) -> Any:
            if adv_estimator not in instead_of:
                return original(
                    data=data,
                    gamma=gamma,
                    lambd=lambd,
                    adv_estimator=adv_estimator,
                    advantage_clip=advantage_clip,
                    whiten_advantages=whiten_advantages,
                    whiten_rewards=whiten_rewards,
                    response_mask=response_mask,
                    pipeline_config=pipeline_config,
                )
            given = {name: setting(pipeline_config, name) for name in _REFUSED}
            given |= {"whiten_advantages": whiten_advantages, "whiten_rewards": whiten_rewards}
            for name, value in given.items():
                if value:
                    raise contract_error("ROLL", name, "off: creditlib ignores it", repr(value))
            resolved = credit_settings(settings, defaults={"gamma": gamma, "lam": lambd})
            return credit_roll_batch(
                data, resolved, advantage_clip=advantage_clip, response_mask=response_mask
            )

        return compute

    return replace(TRAINER, TRAINER.hooks[0], wrap)
