"""NeMo-RL: an advantage estimator for its factories; `install()` makes them build it.

Afterwards `adv_estimator.name` may be `creditlib_NAME`, or `creditlib` with a section `creditlib`
that names the estimator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from creditlib.integrations.patching import Hook, Trainer, replace_all
from creditlib.rows.columns import columns_of
from creditlib.rows.credit import credit_rows
from creditlib.rows.names import is_ours
from creditlib.rows.read import read_rows
from creditlib.rows.settings import merge_settings, setting, settings_for

__all__ = ["TRAINER", "CreditEstimator", "install"]

_ALGORITHMS = "nemo_rl.algorithms"
_MODULES = ("grpo", "grpo_sync", "ppo", "single_controller_utils.setup")

TRAINER = Trainer(
    "NeMo-RL",
    "nemo-rl",
    ("7ea279a",),
    tuple(
        Hook(f"{_ALGORITHMS}.{module}:_create_advantage_estimator", ("master_config",))
        for module in _MODULES
    ),
)


class CreditEstimator:
    """An estimator that NeMo-RL calls once a step.

    `estimator_config` is the section `adv_estimator` of its configuration. The key `creditlib` of
    that section overrides `settings`.

    >>> estimator = CreditEstimator({"name": "creditlib_grpo", "creditlib": {"scale": None}})
    >>> estimator.compute_advantage(
    ...     prompt_ids=torch.tensor([[5, 6], [5, 6]]),
    ...     rewards=torch.tensor([1.0, 0.0]),
    ...     mask=torch.tensor([[0, 1, 1], [0, 1, 0]]),
    ... )
    tensor([[ 0.0000,  0.5000,  0.5000],
            [ 0.0000, -0.5000,  0.0000]])
    """

    def __init__(
        self,
        estimator_config: Any,
        loss_config: Any = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        defaults = {
            "gamma": setting(estimator_config, "gae_gamma"),
            "lam": setting(estimator_config, "gae_lambda"),
        }
        defaults = {name: value for name, value in defaults.items() if value is not None}
        if setting(estimator_config, "normalize_rewards", True) is False:
            defaults["scale"] = None
        whole = merge_settings(settings, setting(estimator_config, "creditlib"))
        self.group_key: str = whole.pop("group_key", "uid")
        self.settings = settings_for(setting(estimator_config, "name"), whole, defaults)
        self.last_metrics: dict[str, float] = {}

    def compute_advantage(
        self,
        prompt_ids: Tensor,
        rewards: Tensor,
        mask: Tensor,
        repeated_batch: Any = None,
        values: Tensor | None = None,
        **others: Any,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Advantages [row token]; with `values`, as the PPO loop passes them, returns as well.

        The group of a row is `group_key` of the batch if it has that key, else the prompt's tokens.
        """
        batch = repeated_batch if repeated_batch is not None else {}
        columns = columns_of(batch, self.settings)
        objectives = [x for name, x in batch.items() if str(name).startswith("reward/")]
        if "rewards" in self.settings.needs and "rewards" not in columns and objectives:
            columns["rewards"] = torch.stack([x.flatten() for x in objectives], 1).tolist()
        rows = read_rows(
            mask=mask,
            group=_groups(batch.get(self.group_key), prompt_ids),
            reward=rewards,
            value=values,
            columns=columns,
            settings=self.settings,
        )
        credit = credit_rows(rows, self.settings)
        self.last_metrics = credit.metrics
        dtype = rewards.dtype if rewards.is_floating_point() else torch.float32
        advantage, returns = (x.to(dtype) for x in (credit.advantage, credit.returns))
        return advantage if values is None else (advantage, returns)


def _groups(ids: Any, prompt_ids: Tensor) -> list[Any]:
    if ids is not None:
        return ids.tolist() if hasattr(ids, "tolist") else list(ids)
    prompts = prompt_ids.tolist()
    return [tuple(each) if isinstance(each, list) else each for each in prompts]


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Make the factories of NeMo-RL's loops build `CreditEstimator` for creditlib's names.

    The returned function undoes it. The section `creditlib` of the estimator's configuration
    overrides `settings`.
    """

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def create(master_config: Any) -> Any:
            section = setting(master_config, "grpo") or setting(master_config, "ppo")
            wanted = setting(section, "adv_estimator")
            if not is_ours(setting(wanted, "name")):
                return original(master_config)
            return CreditEstimator(wanted, setting(master_config, "loss_fn"), settings)

        return create

    return replace_all(TRAINER, dict.fromkeys(TRAINER.hooks, wrap))
