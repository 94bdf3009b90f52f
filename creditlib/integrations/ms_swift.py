"""ms-swift: a GRPO trainer whose batches hold credit for every token.

Call `install(settings)` in a file given to `--external_plugins`; then `rlhf_type: grpo` uses it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from creditlib.integrations.patching import Hook, Trainer, verify
from creditlib.rows.columns import columns_from
from creditlib.rows.credit import RowCredit, credit_rows
from creditlib.rows.padding import padded
from creditlib.rows.read import read_rows
from creditlib.rows.settings import CreditSettings, credit_settings
from creditlib.vocabulary.messages import contract_error

__all__ = ["TRAINER", "credit_batches", "credit_swift_trainer", "install", "reward_of"]

_GRPO = "swift.rlhf_trainers.grpo_trainer:GRPOTrainer"

TRAINER = Trainer(
    "ms-swift",
    "ms-swift",
    ("4.6.0",),
    (
        Hook(f"{_GRPO}._postprocess_batch", ("self", "samples", "batch_encoded_inputs")),
        Hook("swift.rlhf_trainers.utils:get_even_process_data", ("trainer", "global_data")),
        Hook(f"{_GRPO}.split_by_mini_batches", ("self", "samples")),
        Hook("swift.trainers.trainer_factory:TrainerFactory.TRAINER_MAPPING", value_type="dict"),
    ),
)
_PROCESS, _EVEN, _SPLIT, _MAPPING = TRAINER.hooks

# Settings of ms-swift with which its loss would not use the credit of tokens.
_OFF = ("use_liger_loss", "sdar_loss_coef")


def reward_of(rewards_per_func: Tensor, weights: Tensor) -> Tensor:
    """The weighted reward of each row; NaN (unscored) if no function gave one.

    >>> nan = torch.nan
    >>> reward_of(torch.tensor([[1.0, 0.5], [nan, 1.0], [nan, nan]]), torch.tensor([1.0, 2.0]))
    tensor([2., 2., nan])
    """
    given = ~rewards_per_func.isnan()
    total = torch.where(given, rewards_per_func * weights, 0.0).sum(1)
    return torch.where(given.any(1), total, torch.nan)


def credit_batches(
    masks: Sequence[Tensor],
    samples: Sequence[Any],
    reward: Tensor,
    settings: CreditSettings,
    *,
    objectives: Tensor | None = None,
    shaping: Tensor | None = None,
) -> tuple[list[Tensor], RowCredit]:
    """Credit of the mini-batches of a rank, each [row token] like its mask.

    Statistics cover all ranks. The trajectory of a row is `request_id`, its group `prompt_id`;
    several rows of one request are its turns in order.
    """
    holders = [
        {**(getattr(each, "extra", None) or {}), **(getattr(each, "rollout_infos", None) or {})}
        for each in samples
    ]
    columns = columns_from(holders, settings)
    if objectives is not None and "rewards" in settings.needs:
        columns["rewards"] = objectives.tolist()
    rows = read_rows(
        mask=padded([row for mask in masks for row in mask]),
        group=[each.prompt_id for each in samples],
        reward=reward,
        shaping=shaping,
        trajectory=[each.request_id for each in samples],
        columns=columns,
        settings=settings,
    )
    credit = credit_rows(rows, settings, gather=True)
    parts = credit.advantage.split([len(mask) for mask in masks])
    cut = [part[:, : mask.shape[1]] for part, mask in zip(parts, masks, strict=True)]
    return cut, credit


def credit_swift_trainer(
    base: type[Any],
    of_this_rank: Callable[[Any, Any], Any],
    settings: Mapping[str, Any] | None = None,
) -> type[Any]:
    """A subclass of ms-swift's GRPOTrainer whose advantages are credit by `settings`.

    of_this_rank: ms-swift's `get_even_process_data`.
    """

    class CreditGRPOTrainer(base):
        def _postprocess_batch(self, samples: Any, batch_encoded_inputs: Any) -> None:
            super()._postprocess_batch(samples, batch_encoded_inputs)
            batches = [each["grpo_batch"] for each in batch_encoded_inputs]
            _refuse_lost_credit(self, batches)
            scale = {"none": None, "batch": "std", "group": "std"}.get(self.scale_rewards, "std")
            over = {"scale_over": "batch"} if self.scale_rewards == "batch" else {}
            resolved = credit_settings(
                settings, estimator="grpo", defaults={"scale": scale, **over}
            )
            in_order = [each for chunk in self.split_by_mini_batches(samples) for each in chunk]
            place = {id(sample): number for number, sample in enumerate(samples)}
            order = torch.tensor([place[id(sample)] for sample in in_order], device="cpu")
            rewards = of_this_rank(self, self._rewards_per_func)[order]
            parts, credit = credit_batches(
                [batch.completion_mask for batch in batches],
                in_order,
                reward_of(rewards, self.reward_weights),
                resolved,
                objectives=rewards,
                shaping=_penalty(self, batches),
            )
            for batch, part in zip(batches, parts, strict=True):
                given = batch.advantages
                batch.advantages = part.to(device=given.device, dtype=given.dtype)
            mode = "train" if self.model.training else "eval"
            for name, number in credit.metrics.items():
                self._metrics[mode][name].append(number)

    return CreditGRPOTrainer


def _refuse_lost_credit(trainer: Any, batches: Sequence[Any]) -> None:
    for name in _OFF:
        if getattr(trainer, name, None):
            raise contract_error(
                "ms-swift", name, "off: its loss does not use the credit of tokens", "on"
            )
    if any(batch.teacher_per_token_logps is not None for batch in batches):
        raise contract_error("ms-swift", "teacher", "none: credit would overwrite its term", "one")
    if trainer.template.sequence_parallel_size > 1:
        raise contract_error("ms-swift", "sequence_parallel_size", "1", "more")
    if trainer.dynamic_num_samples and trainer.accelerator.num_processes > 1:
        fact = "several processes"
        wanted = "one if a request has several rows, because they may lie on two processes"
        raise contract_error("ms-swift", "processes", wanted, fact)


def _penalty(trainer: Any, batches: Sequence[Any]) -> Tensor | None:
    """The KL penalty of each row, if ms-swift subtracts it from the reward."""
    if not (trainer.kl_in_reward and trainer.beta != 0.0):
        return None
    gaps = [
        torch.where(
            batch.completion_mask != 0, batch.old_per_token_logps - batch.ref_per_token_logps, 0.0
        ).sum(1)
        for batch in batches
    ]
    return -trainer.beta * torch.cat(gaps)


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Make ms-swift build `credit_swift_trainer` for GRPO; the returned function undoes it."""
    verify(TRAINER, _PROCESS)
    verify(TRAINER, _SPLIT)
    of_this_rank, mapping = verify(TRAINER, _EVEN), verify(TRAINER, _MAPPING)
    base: Any = importlib.import_module("swift.rlhf_trainers.grpo_trainer").GRPOTrainer
    # The mapping holds import paths, so the class must be an attribute of a module.
    globals()["CreditGRPOTrainer"] = credit_swift_trainer(base, of_this_rank, settings)
    before = mapping["grpo"]
    mapping["grpo"] = f"{__name__}.CreditGRPOTrainer"

    def undo() -> None:
        mapping["grpo"] = before

    return undo
