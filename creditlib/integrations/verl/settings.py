"""verl: its hooks, and the credit settings in its configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from creditlib.integrations.patching import Hook, InstalledSettings, Trainer
from creditlib.rows.settings import CreditSettings, merge_settings, setting, settings_for
from creditlib.vocabulary.messages import contract_error

__all__ = ["CORE", "INSTALLED", "NAME", "PATCH_ERRORS", "TRAINER", "group_ids", "verl_settings"]

NAME = "creditlib"  # with this name, algorithm.creditlib.estimator names the estimator
CORE = "verl.trainer.ppo.core_algos"

TRAINER = Trainer(
    name="verl",
    package="verl",
    known=("0.9.1",),
    hooks=(
        Hook(f"{CORE}:register_adv_est", ("name_or_enum",)),
        Hook(
            "verl.trainer.ppo.ray_trainer:compute_advantage",
            (
                *("data", "adv_estimator", "gamma", "lam", "num_repeat"),
                *("norm_adv_by_std_in_grpo", "config"),
            ),
        ),
        Hook("verl.trainer.ppo.ray_trainer:compute_data_metrics", ("batch", "use_critic")),
        Hook(
            "verl.trainer.ppo.v1.trainer_base:compute_advantage_for_multi_trajectories",
            (
                *("data", "batch_keys", "adv_estimator", "gamma", "lam", "num_repeat"),
                *("norm_adv_by_std_in_grpo", "config"),
            ),
        ),
        Hook(
            "verl.trainer.ppo.v1.trainer_base:PPOTrainer._compute_advantage",
            ("self", "batch", "metrics"),
        ),
        Hook(
            "verl.trainer.ppo.v1.trainer_base:tq.kv_batch_get",
            ("keys", "partition_id", "select_fields"),
        ),
        Hook(f"{CORE}:ADV_ESTIMATOR_REGISTRY", value_type="dict"),
    ),
)

# Why a driver of this process could not be patched: raised if an estimator lacks what it passes.
PATCH_ERRORS: list[str] = []
# What `install` was given: defaults for the section `algorithm.creditlib`.
INSTALLED = InstalledSettings()


def verl_settings(
    adv_estimator: object, config: Any, passed: Mapping[str, Any] | None = None
) -> CreditSettings:
    """The credit settings of verl's `algorithm` section.

    Options are keys of `algorithm.creditlib`. verl's `gamma` and `lam` count if the estimator has
    them. `norm_adv_by_std_in_grpo=False` means scale=None if the estimator scales by default.
    `gdpo_reward_weights` are the weights of gdpo. passed: the arguments of verl's driver, which
    override the section's gamma, lam and norm_adv_by_std_in_grpo.

    >>> verl_settings("creditlib_gigpo", {"gamma": 0.9, "norm_adv_by_std_in_grpo": False}).options
    {'gamma': 0.9, 'scale': None}
    """
    passed = passed or {}
    given = {
        name: passed[name] if name in passed else setting(config, name)
        for name in ("gamma", "lam", "norm_adv_by_std_in_grpo")
    }
    defaults = {name: given[name] for name in ("gamma", "lam") if given[name] is not None}
    if given["norm_adv_by_std_in_grpo"] is False:
        defaults["scale"] = None
    weights = setting(config, "gdpo_reward_weights")
    if weights is not None:
        defaults["weights"] = [float(each) for each in weights]
    whole = merge_settings(INSTALLED.current, setting(config, "creditlib"))
    return settings_for(adv_estimator, whole, defaults)


def group_ids(settings: CreditSettings, uid: Sequence[Any] | None, rows: int) -> Any:
    """The uids as group ids; without uids only an estimator without groups can be computed."""
    found = None if uid is None else list(uid)
    if found is not None and not any(each is None for each in found):
        return found
    if "group" in settings.needs:  # rows without a uid do not share a prompt
        fact = "nothing" if found is None else f"None in row {found.index(None)}"
        raise contract_error(settings.name, "group", "the uid of each row", fact)
    return torch.arange(rows, device="cpu")
