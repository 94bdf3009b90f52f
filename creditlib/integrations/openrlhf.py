"""OpenRLHF: a mixin for its experience maker, which offers no hook for advantages."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from creditlib.integrations.patching import Hook, Trainer, replace, verify
from creditlib.rows.columns import named_columns
from creditlib.rows.credit import RowCredit, credit_rows
from creditlib.rows.names import PREFIX
from creditlib.rows.read import outcome_of, read_rows
from creditlib.rows.settings import CreditSettings, credit_settings
from creditlib.vocabulary.messages import contract_error

__all__ = ["ENVIRONMENT", "TRAINER", "credit_experience_maker", "install"]

_MAKER = "openrlhf.trainer.ppo_utils.experience_maker:{}"
TRAINER = Trainer(
    name="OpenRLHF",
    package="openrlhf",
    known=("0.11.2",),
    hooks=(
        Hook(
            _MAKER.format("RemoteExperienceMaker.compute_advantages_and_returns"),
            ("self", "experiences"),
        ),
        Hook(
            _MAKER.format("compute_reward"),
            ("r", "kl_coef", "kl", "action_mask", "reward_clip_range"),
        ),
        Hook(
            "openrlhf.trainer.ppo_trainer:RemoteExperienceMaker",
            (
                *("actor_model_group", "critic_model_group", "reward_model_group"),
                *("initial_model_group", "kl_controller", "strategy", "tokenizer", "**kwargs"),
            ),
        ),
    ),
)
_COMPUTE, _REWARD, _CLASS = TRAINER.hooks
# The environment variable that brings settings into OpenRLHF's Ray actors, as JSON.
ENVIRONMENT = "CREDITLIB"


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Replace OpenRLHF's experience maker by `credit_experience_maker`; what it returns undoes it.

    Call it in the process of the trainer's Ray actor. Without `settings` they are read as JSON from
    the environment variable CREDITLIB.
    """
    given = json.loads(os.environ.get(ENVIRONMENT, "{}")) if settings is None else dict(settings)
    credit_settings(given, estimator="grpo")  # a wrong name fails now, not after the first rollout
    return replace(TRAINER, _CLASS, lambda base: credit_experience_maker(cast("Any", base), given))


def credit_experience_maker(
    base: type[Any], settings: Mapping[str, Any] | None = None
) -> type[Any]:
    """A subclass of OpenRLHF's RemoteExperienceMaker that computes credit by `settings`.

    `base` does its own work first (length penalties, logged statistics); then its advantages and
    returns are replaced. Rewards are clipped before credit is computed. The group of a sample is
    `index // n_samples_per_prompt`. Columns are read from `info["creditlib_<name>"]`.
    """
    verify(TRAINER, _COMPUTE)
    compute_reward = verify(TRAINER, _REWARD)

    class CreditExperienceMaker(base):
        @torch.no_grad()
        def compute_advantages_and_returns(self, experiences: Sequence[Any]) -> Any:
            args = self.strategy.args
            group = _groups(experiences, int(args.rollout.n_samples_per_prompt))
            divergence = [each.kl for each in experiences]
            done = super().compute_advantages_and_returns(experiences)
            defaults = {"gamma": args.algo.advantage.gamma, "lam": args.algo.advantage.lambd}
            resolved = credit_settings(settings, estimator="grpo", defaults=defaults)
            rewards = [
                compute_reward(
                    each.rewards,
                    self.kl_ctl.value,
                    kl.float(),
                    action_mask=each.action_mask,
                    reward_clip_range=args.reward.clip_range,
                )
                for each, kl in zip(done, divergence, strict=True)
            ]
            _write(done, rewards, _credit(done, rewards, group, resolved))
            return done

    CreditExperienceMaker.__name__ = f"Credit{base.__name__}"
    return CreditExperienceMaker


def _groups(experiences: Sequence[Any], samples: int) -> list[int]:
    """The prompt of every sample, from its index in the rollout: OpenRLHF passes no other id."""
    index = [int(number) for each in experiences for number in each.index]
    if len(index) % samples or sorted(index) != list(range(len(index))):
        fact = f"{len(index)} samples, indices {min(index)} to {max(index)}"
        raise contract_error(
            "openrlhf", "index", f"whole groups of {samples}, each index once", fact
        )
    group = [number // samples for number in index]
    prompts = [prompt for each in experiences for prompt in each.prompts or ()]
    if len(prompts) == len(index):
        first = dict(reversed(list(zip(group, prompts, strict=True))))
        for number, own, prompt in zip(index, group, prompts, strict=True):
            if prompt != first[own]:
                fact = f"another one at index {number} of group {own}"
                raise contract_error("openrlhf", "prompts", "one prompt in each group", fact)
    return group


def _credit(
    experiences: Sequence[Any],
    rewards: Sequence[Tensor],
    group: Sequence[int],
    settings: CreditSettings,
) -> RowCredit:
    """Credit of all micro-batches at once, padded to the widest one."""
    widest = max(each.action_mask.shape[1] for each in experiences)
    mask = _joined([each.action_mask for each in experiences], widest)
    # A penalty on a token of tool output does not concern the policy.
    token_reward = torch.where(mask != 0, _joined(rewards, widest), 0.0)
    values = [each.values for each in experiences]
    columns: dict[str, list[Any]] = {}
    for each in experiences:
        found = named_columns(each.info, each.action_mask, settings)
        for name, column in found.items():
            columns.setdefault(name, []).extend(column)
        for name in found:
            del each.info[f"{PREFIX}{name}"]
    rows = read_rows(
        mask=mask,
        group=list(group),
        reward=outcome_of(token_reward, mask),
        token_reward=token_reward,
        value=None if any(each is None for each in values) else _joined(values, widest),
        columns=columns,
        settings=settings,
    )
    return credit_rows(rows, settings)


def _write(experiences: Sequence[Any], rewards: Sequence[Tensor], credit: RowCredit) -> None:
    """Write credit into each micro-batch in its own width, and metrics for OpenRLHF's log."""
    start = 0
    for each, reward in zip(experiences, rewards, strict=True):
        rows, width = each.action_mask.shape
        own = slice(start, start + rows)
        each.advantages = credit.advantage[own, :width].clone()
        each.returns = credit.returns[own, :width].clone()
        each.info["return"] = outcome_of(reward * each.action_mask, each.action_mask).float()
        for name, number in credit.metrics.items():
            each.info[name] = torch.full((rows,), number, device=reward.device)
        start += rows


def _joined(rows: Sequence[Tensor], width: int) -> Tensor:
    pad = torch.nn.functional.pad
    return torch.cat([pad(each.float(), (0, width - each.shape[1])) for each in rows])
