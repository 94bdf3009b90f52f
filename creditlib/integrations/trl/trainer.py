"""TRL: `CreditGRPOTrainer`, a GRPOTrainer with the advantages of any estimator.

`CreditGRPOTrainer(..., credit="gigpo", credit_options={"gamma": 0.9})` differs from TRL's own
trainer only in its advantages. Rewards, masks and what a rollout recorded are read where TRL keeps
them. Credit is returned for every token, (rows, tokens), which all loss types of TRL accept.
`credit_trainer(Base)` does the same for a subclass of GRPOTrainer.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from creditlib.integrations.patching import Hook, HookError, Trainer, parameters_of, replace, verify
from creditlib.integrations.trl.rows import gather_rows, read_records, record_lengths
from creditlib.ops.precision import wide
from creditlib.rows.credit import credit_rows
from creditlib.rows.read import read_rows
from creditlib.rows.settings import CreditSettings, credit_settings, merge_settings
from creditlib.vocabulary.annotations import options_of, tensors_of
from creditlib.vocabulary.messages import contract_error, describe_value

# CreditGRPOTrainer needs TRL. It is left out, so that a star import works without TRL.
__all__ = ["TRAINER", "credit_trainer", "install"]

_CLASS = "trl.trainer.grpo_trainer:GRPOTrainer"
_MAKE, _REWARD, _LOSS = "_generate_and_score_completions", "_calculate_rewards", "_compute_loss"

TRAINER = Trainer(
    name="TRL",
    package="trl",
    known=("1.16.0",),
    hooks=(
        Hook(f"{_CLASS}.{_MAKE}", ("self", "inputs")),
        Hook(
            f"{_CLASS}.{_REWARD}",
            ("self", "inputs", "prompts", "completions", "completion_ids_list"),
        ),
        Hook(f"{_CLASS}.{_LOSS}", ("self", "model", "inputs")),
        Hook(
            f"{_CLASS}._generate_single_turn",
            (
                *("self", "prompt_ids", "images", "multimodal_fields", "num_generations"),
                "has_tool_images",
            ),
        ),
        Hook(
            "trl:GRPOTrainer",
            (
                *("model", "reward_funcs", "args", "train_dataset", "eval_dataset"),
                *("processing_class", "reward_processing_classes", "callbacks", "optimizers"),
                *("quantization_config", "peft_config", "tools", "rollout_func"),
                "environment_factory",
            ),
        ),
        Hook("accelerate.utils:gather_object", ("object",)),
    ),
)
_METHODS, _EXPORTED = TRAINER.hooks[:4], TRAINER.hooks[4]

CreditGRPOTrainer: type[Any]


def __getattr__(name: str) -> Any:
    if name != "CreditGRPOTrainer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for hook in _METHODS:
        verify(TRAINER, hook)
    found = credit_trainer(importlib.import_module("trl.trainer.grpo_trainer").GRPOTrainer)
    globals()[name] = found
    return found


@functools.cache
def credit_trainer(base: type[Any]) -> type[Any]:
    """A subclass of a GRPOTrainer that takes `credit` and `credit_options`, named Credit….

    credit: a name, an import path or a function; the default is "grpo". credit_options: its options
    by name, `preset` and `weight`, as in `credit_settings`. `base` gets all other arguments.
    """
    for each in base.__mro__:
        own_loss = each.__module__.startswith("trl.") and _LOSS in vars(each)
        if own_loss and each.__name__ != "GRPOTrainer":
            wanted = "a GRPOTrainer with its loss of (rows, tokens)"
            raise contract_error(
                "credit_trainer", "base", wanted, f"{each.__name__}, whose loss is of rows"
            )
    for hook in _METHODS:
        name = hook.path.rpartition(".")[2]
        method = getattr(base, name, None)
        parameters = parameters_of(method) if callable(method) else None
        if parameters != hook.parameters:
            fact = "nothing of that name" if parameters is None else f"({', '.join(parameters)})"
            raise _moved(f"{base.__name__}.{name}", f"be ({', '.join(hook.parameters)})", fact)
    from_trl = base.__module__.startswith("trl.")
    attributes = {
        "__module__": __name__ if from_trl else base.__module__,
        "__doc__": f"{base.__name__} with advantages of creditlib: see `{__name__}`.",
    }
    return type(f"Credit{base.__name__}", (_CreditMixin, base), attributes)


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Replace `trl.GRPOTrainer` by a credit trainer with these settings.

    It counts for code that imports `GRPOTrainer` from `trl` afterwards, such as the command
    `trl grpo`. The argument `credit` of the trainer replaces the settings. The returned function
    undoes the installation.
    """
    credit_settings(settings, estimator="grpo")  # a wrong name fails now

    def wrap(original: Any) -> Any:
        base: Any = credit_trainer(original)

        class Installed(base):
            def __init__(self, *args: Any, credit: Any = None, **others: Any) -> None:
                if credit is None:
                    credit = "grpo"
                    others["credit_options"] = merge_settings(
                        settings, others.get("credit_options")
                    )
                super().__init__(*args, credit=credit, **others)

        Installed.__name__ = Installed.__qualname__ = base.__name__
        return Installed

    return replace(TRAINER, _EXPORTED, wrap)


class _CreditMixin:
    """The methods that replace the advantages of a GRPOTrainer, and nothing else."""

    def __init__(
        self,
        *args: Any,
        credit: str | Callable[..., Any] = "grpo",
        credit_options: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> None:
        credit_settings(
            credit_options, estimator=credit
        )  # a wrong name fails before a model is loaded
        cast("Any", super()).__init__(*args, **others)
        self._credit_settings = _settings(self, credit, credit_options)
        self._credit_rewards: Tensor | None = None
        self._credit_starts: list[list[dict[str, int]]] = []

    def _calculate_rewards(self, *args: Any, **others: Any) -> Tensor:
        rewards = cast("Any", super())._calculate_rewards(*args, **others)
        self._credit_rewards = rewards.detach().clone()
        return rewards

    def _generate_single_turn(self, *args: Any, **others: Any) -> Any:
        if getattr(self, "environments", None):
            self._credit_starts.append(record_lengths(cast("Any", self).environments))
        return cast("Any", super())._generate_single_turn(*args, **others)

    def _generate_and_score_completions(self, inputs: Sequence[Mapping[str, Any]]) -> Any:
        # TRL writes the fields of a rollout into its inputs, so each row gets its own dictionary.
        rows = [dict(each) for each in inputs]
        self._credit_rewards, self._credit_starts = None, []
        output = cast("Any", super())._generate_and_score_completions(rows)
        return _with_credit(self, rows, output)


def _settings(trainer: Any, credit: Any, options: Mapping[str, Any] | None) -> CreditSettings:
    """The credit settings of a trainer; TRL's own settings are defaults or contradict them."""
    if any(getattr(trainer.args, f"use_liger_{name}", False) for name in ("kernel", "loss")):
        wanted = "False: Liger's loss takes one advantage a row"
        raise contract_error(type(trainer).__name__, "use_liger_kernel", wanted, "True")
    plain = credit_settings(options, estimator=credit)
    known, tensors = options_of(plain.estimator), tensors_of(plain.estimator)
    defaults: dict[str, Any] = {"weights": [float(each) for each in trainer.reward_weights]}
    scale = known.get("scale")
    optional = scale is not None and (scale.optional or None in (scale.choices or ()))
    if trainer.scale_rewards == "none" and optional:
        defaults["scale"] = None
    if trainer.scale_rewards == "batch":
        if scale is not None and "scale_over" not in known and "scale" not in plain.options:
            wanted = '"group" or "none": it scales over groups'
            raise contract_error(plain.name, "scale_rewards", wanted, '"batch"')
        defaults["scale_over"] = "batch"
    if trainer.multi_objective_aggregation != "sum_then_normalize" and "rewards" not in tensors:
        wanted = '"sum_then_normalize", or credit one of several rewards such as "gdpo"'
        fact = f'"{trainer.multi_objective_aggregation}"'
        raise contract_error(plain.name, "multi_objective_aggregation", wanted, fact)
    return credit_settings(options, estimator=credit, defaults=defaults)


def _with_credit(trainer: Any, rows: list[dict[str, Any]], output: Any) -> Any:
    """TRL's output with credit as its advantages, (rows, tokens); the log gets them too."""
    rewards: Tensor | None = trainer._credit_rewards
    missing = [name for name in ("completion_mask", "advantages") if name not in output]
    if missing or rewards is None:
        fact = f"no `{missing[0]}`" if missing else f"no call of {_REWARD}"
        wanted = "return completion_mask and advantages"
        raise _moved(f"{type(trainer).__name__}.{_MAKE}", wanted, fact)
    tool, whole = output.get("tool_mask"), output["completion_mask"]
    if tool is not None and tool.shape != whole.shape:
        wanted = f"{tuple(whole.shape)} like completion_mask"
        raise contract_error(type(trainer).__name__, "tool_mask", wanted, describe_value(tool))
    mask = whole if tool is None else whole * tool
    own_records = read_records(trainer, rows, mask)
    all_masks, records = gather_rows(trainer.accelerator, mask, own_records)
    if len(rewards) != len(all_masks):
        wanted = f"return one row for each of {len(all_masks)} completions of all ranks"
        raise _moved(f"{type(trainer).__name__}.{_REWARD}", wanted, describe_value(rewards))
    mode = "train" if trainer.model.training else "eval"
    size = trainer.num_generations if mode == "train" else trainer.num_generations_eval
    settings: CreditSettings = trainer._credit_settings
    read = read_rows(
        mask=all_masks,
        # TRL's sampler puts the rollouts of a prompt next to each other, in rank order.
        group=torch.arange(len(all_masks), device="cpu") // size,
        reward=_outcome(rewards, trainer.reward_weights),
        columns=_columns(settings, records, rewards),
        settings=settings,
    )
    credit = credit_rows(read, settings)
    for name, number in credit.metrics.items():
        trainer._metrics[mode][name].append(number)
    _log(trainer, credit.advantage, all_masks)
    first = trainer.accelerator.process_index * len(mask)
    own = credit.advantage[first : first + len(mask), : mask.shape[1]]
    return {**output, "advantages": own.to(output["advantages"])}


def _outcome(rewards: Tensor, weights: Tensor) -> Tensor:
    """TRL's weighted sum of a row's rewards; NaN if no function returned one."""
    total = (wide(rewards) * weights.to(rewards.device)).nansum(1)
    return total.masked_fill(rewards.isnan().all(1), torch.nan)


def _columns(
    settings: CreditSettings, records: list[dict[str, Any]], rewards: Tensor
) -> dict[str, Sequence[Any]]:
    columns: dict[str, Sequence[Any]] = {
        name: [record[name] for record in records] for name in records[0]
    }
    if "rewards" in settings.needs:
        columns["rewards"] = rewards.tolist()
    return columns


def _log(trainer: Any, advantage: Tensor, mask: Tensor) -> None:
    """Replace the advantages in TRL's log by the mean credit of each row's tokens."""
    written = mask != 0
    mean = (wide(advantage) * written).sum(1) / written.sum(1).clamp(min=1)
    logged = trainer._logs["advantages"]
    for _ in range(min(len(mean), len(logged))):
        logged.pop()
    logged.extend(mean.to(advantage.dtype).tolist())


def _moved(path: str, wanted: str, fact: str) -> HookError:
    known = ", ".join(TRAINER.known)
    return HookError(f"{TRAINER.title}: `{path}` must {wanted} as in {known}, got {fact}.")
