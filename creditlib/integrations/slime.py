"""slime: functions for its two path hooks, one for groups on the CPU, one for tokens on the GPU.

Only `post_process_rewards` gets whole groups, so it computes the credit of trajectories and turns.
`compute_advantages` puts that credit on tokens. It also computes credit that needs values or a
discount over tokens, on whole rows: slime gathers and cuts the slices of context parallelism.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from creditlib.algebra import to_tokens
from creditlib.inputs.layouts import turns_from_mask
from creditlib.integrations.patching import Hook, InstalledSettings, Trainer, verify
from creditlib.rows.columns import columns_from
from creditlib.rows.credit import credit_rows
from creditlib.rows.read import read_rows
from creditlib.rows.settings import CreditSettings, credit_settings, merge_settings
from creditlib.vocabulary.messages import contract_error

__all__ = ["TRAINER", "compute_advantages", "install", "post_process_rewards"]

_CP = "slime.backends.megatron_utils.cp_utils:{}"
TRAINER = Trainer(
    name="slime",
    package="slime",
    known=("624b824",),
    hooks=(
        Hook("slime.utils.types:Sample.get_reward_value", ("self", "args")),
        Hook(_CP.format("slice_log_prob_with_cp"), ("log_prob", "total_length", "response_length")),
        Hook(_CP.format("all_gather_with_cp"), ("tensor", "total_length", "response_length")),
    ),
)
_, _SLICE, _GATHER = TRAINER.hooks
# Advantage estimators of slime that copy the number of a sample to its tokens.
_SPREADING = ("grpo", "gspo", "cispo", "reinforce_plus_plus_baseline")
_KEY = "creditlib"
_INSTALLED = InstalledSettings()
_log = logging.getLogger(__name__)


def post_process_rewards(args: Any, samples: Sequence[Any]) -> tuple[list[float], list[Any]]:
    """(raw rewards, credit) of every sample, for `--custom-reward-post-process-path`.

    Credit is a float for each sample. For estimators of turns it is a list with one number for each
    turn, which `compute_advantages` puts on tokens; for estimators of tokens it is the raw reward.
    The group of a sample is `group_index`. Samples of one `rollout_id` are parts of one trajectory;
    a sample without one is a trajectory. Aborted samples and samples without a reward take no part.
    """
    settings, whole = _settings(args), list(_flat(samples))
    _refuse_lost_credit(settings, args)
    rewards = [_reward(args, sample) for sample in whole]
    raw = [torch.nan if reward is None else reward for reward in rewards]
    if settings.credits_tokens:
        _refuse_unscored(settings, whole, rewards)
        return raw, [0.0 if reward is None else reward for reward in rewards]
    mask = _padded([torch.tensor(_loss_mask(sample), device="cpu") for sample in whole])
    rows = read_rows(
        mask=mask,
        group=[_group(sample) for sample in whole],
        reward=rewards,
        trajectory=[_trajectory(sample, number) for number, sample in enumerate(whole)],
        keep=[not _aborted(sample) for sample in whole],
        columns=columns_from([(each.metadata or {}).get(_KEY) for each in whole], settings),
        settings=settings,
    )
    credit = credit_rows(rows, settings)
    _log.info("%s", credit.metrics)
    run = turns_from_mask(mask != 0)
    first = (run >= 0) & (run != torch.nn.functional.pad(run[:, :-1], (1, 0), value=-1))
    of_runs = [row[own].tolist() for row, own in zip(credit.advantage, first, strict=True)]
    if settings.uses_turns:
        return raw, of_runs
    return raw, [each[0] if each else 0.0 for each in of_runs]


def compute_advantages(args: Any, rollout_data: dict[str, Any]) -> None:
    """Fill "advantages" and "returns", for `--custom-advantage-function-path`.

    They are exactly 0 where the loss mask is 0. With context parallelism each rank gets its slices.
    """
    settings = _settings(args)
    cut = verify(TRAINER, _SLICE)
    kl, masks = rollout_data["kl"], rollout_data["loss_masks"]
    both: tuple[Sequence[Tensor], Sequence[Tensor]]
    if settings.credits_tokens:
        both = _tokens(args, rollout_data, settings)
    else:
        made = [_spread(*each) for each in zip(rollout_data["rewards"], masks, strict=True)]
        both = made, [each.clone() for each in made]
        # slime sums these for its log, so each must be one number.
        rollout_data["rewards"] = [_mean(each) for each in rollout_data["rewards"]]
    lengths = list(
        zip(rollout_data["total_lengths"], rollout_data["response_lengths"], strict=True)
    )
    for name, rows in zip(("advantages", "returns"), both, strict=True):
        rollout_data[name] = [
            cut(row, *length).to(own) for row, length, own in zip(rows, lengths, kl, strict=True)
        ]


def _tokens(
    args: Any, rollout_data: Mapping[str, Any], settings: CreditSettings
) -> tuple[list[Tensor], list[Tensor]]:
    """(advantages, returns) of an estimator of tokens on whole rows."""
    if settings.normalizes_over_tokens:
        mpu = importlib.import_module("megatron.core").mpu
        ranks = int(mpu.get_data_parallel_world_size(with_context_parallel=False))
        if ranks > 1:
            wanted = "discounted_return with --normalize-advantages, which whitens over ranks"
            raise contract_error(
                "slime", "estimator", wanted, f"whitening on each of {ranks} ranks"
            )
    join = verify(TRAINER, _GATHER)
    masks, rewards = rollout_data["loss_masks"], rollout_data["rewards"]
    lengths = list(
        zip(rollout_data["total_lengths"], rollout_data["response_lengths"], strict=True)
    )

    def whole(name: str) -> Tensor:
        rows = zip(rollout_data[name], lengths, strict=True)
        return _padded([join(row, *length).detach() for row, length in rows])

    mask = _padded(masks)
    penalty = torch.where(mask != 0, -args.kl_coef * whole("kl"), 0.0)  # no penalty for tool output
    ends = torch.nn.functional.pad(mask, (0, 1))  # the outcome comes after the last token
    token_reward = torch.nn.functional.pad(penalty, (0, 1))
    token_reward[:, -1] = torch.tensor(rewards, dtype=torch.float32, device="cpu")
    has_values = "value" in settings.needs and rollout_data.get("values") is not None
    rows = read_rows(
        mask=ends,
        group=list(range(len(mask))),
        reward=token_reward.sum(1),
        token_reward=token_reward,
        value=torch.nn.functional.pad(whole("values"), (0, 1)) if has_values else None,
        settings=settings,
    )
    credit = credit_rows(rows, settings)
    for name, number in credit.metrics.items():
        cast("dict[str, Any]", rollout_data)[name] = [number] * len(masks)
    sizes = [len(each) for each in masks]
    found = (credit.advantage, credit.returns)
    advantages, returns = ([row[:size] for row, size in zip(x, sizes, strict=True)] for x in found)
    return advantages, returns


def _spread(credit: float | Sequence[float], mask: Tensor) -> Tensor:
    """The credit of a sample, or of each of its turns, on its tokens."""
    turn = turns_from_mask(mask[None] != 0)
    turns = int(turn.max()) + 1 if turn.numel() else 0
    each = [credit] * turns if isinstance(credit, (int, float)) else list(credit)
    if len(each) != turns:
        raise contract_error(
            "slime", "rewards", f"one credit for each of {turns} turns", str(len(each))
        )
    table = torch.tensor([each or [0.0]], dtype=torch.float32, device=mask.device)
    return to_tokens(table, turn)[0]


def _mean(credit: float | Sequence[float]) -> float:
    if isinstance(credit, (int, float)):
        return float(credit)
    return sum(credit) / len(credit) if credit else 0.0


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Verify the hooks, and make `settings` the defaults of `args.creditlib` in this process.

    slime calls the functions of this module by their paths, which its command line names; nothing
    is patched. The returned function restores the defaults.
    """
    for hook in TRAINER.hooks:
        verify(TRAINER, hook)
    return _INSTALLED.install(settings)


def _settings(args: Any) -> CreditSettings:
    whole = merge_settings(_INSTALLED.current, getattr(args, _KEY, None))
    defaults: dict[str, Any] = {"gamma": args.gamma, "lam": args.lambd}
    if not getattr(args, "grpo_std_normalization", True):
        defaults["scale"] = None
    return credit_settings(whole, estimator="grpo", defaults=defaults)


def _reward(args: Any, sample: Any) -> float | None:
    reward = None if sample.reward is None else sample.get_reward_value(args)
    return None if reward is None else float(reward)


def _loss_mask(sample: Any) -> list[int]:
    length = int(sample.response_length)
    if sample.remove_sample:
        return [0] * length
    return [1] * length if sample.loss_mask is None else list(sample.loss_mask)


def _flat(samples: Sequence[Any]) -> Any:
    for each in samples:
        if isinstance(each, (list, tuple)):
            yield from _flat(cast("Sequence[Any]", each))
        else:
            yield each


def _padded(rows: Sequence[Tensor]) -> Tensor:
    return pad_sequence(list(rows), batch_first=True)


def _group(sample: Any) -> int:
    if sample.group_index is None:
        raise contract_error("slime", "group_index", "set on every sample", "None")
    return int(sample.group_index)


def _trajectory(sample: Any, number: int) -> tuple[str, int]:
    """As in slime, a sample without a rollout id is a rollout by itself."""
    return ("sample", number) if sample.rollout_id is None else ("rollout", sample.rollout_id)


def _aborted(sample: Any) -> bool:
    return getattr(sample.status, "value", sample.status) == "aborted"


def _refuse_lost_credit(settings: CreditSettings, args: Any) -> None:
    """Without `compute_advantages` slime would lose this credit, or discount it again."""
    has_path = getattr(args, "custom_advantage_function_path", None) is not None
    path = "--custom-advantage-function-path creditlib.integrations.slime.compute_advantages"
    if not has_path and (settings.credits_tokens or settings.uses_turns):
        raise contract_error(settings.name, "estimator", f"used with {path}", "no such path")
    if not has_path and args.advantage_estimator not in _SPREADING:
        wanted = f"one of {', '.join(_SPREADING)}, or {path}"
        raise contract_error("slime", "advantage_estimator", wanted, repr(args.advantage_estimator))


def _refuse_unscored(
    settings: CreditSettings, samples: Sequence[Any], rewards: Sequence[float | None]
) -> None:
    """Refuse a sample without a reward that is not removed: a critic would learn from it."""
    for number, (sample, reward) in enumerate(zip(samples, rewards, strict=True)):
        if (reward is None or _aborted(sample)) and not sample.remove_sample:
            wanted = "True for samples that are aborted or have no reward"
            raise contract_error(
                settings.name, "remove_sample", wanted, f"False at sample {number}"
            )
