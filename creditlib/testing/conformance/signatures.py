"""The signatures of trainers' estimators as data: their arguments, options and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.testing.subject import InexpressibleError
from creditlib.vocabulary.annotations import Argument, Option, Shape
from creditlib.vocabulary.argument_spec import ArgumentSpec
from creditlib.vocabulary.messages import contract_error, did_you_mean

__all__ = ["CONVENTIONS", "Convention", "Feed", "Settings", "convention_of"]

Some = Mapping[str, Tensor]


@dataclass(frozen=True)
class Feed:
    """One argument of a trainer: the tensors of the vocabulary that it needs, and how it is made.

    may: optional tensors.
    """

    needs: tuple[str, ...]
    make: Callable[[Some], Any]
    may: tuple[str, ...] = ()


@dataclass(frozen=True)
class Convention:
    """How a trainer calls its estimators.

    options: the options of the signature. defaults: their values where the function has no default.
    config: the keys of the settings object, with the trainer's values. own: tensors that the
    vocabulary lacks. critic: a function with this argument returns a second result that trains a
    critic; in other functions only the first result counts. masks_tool_output: the mask leaves out
    tool output; if False, it leaves out padding only. equal_groups, counts_masked_tail, dtypes: see
    `Subject`.
    """

    name: str
    arguments: Mapping[str, Feed]
    options: Mapping[str, Option]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Argument] = field(default_factory=dict)
    critic: str = "values"
    masks_tool_output: bool = True
    equal_groups: bool = False
    counts_masked_tail: bool = False
    dtypes: tuple[torch.dtype, ...] = ()


class Settings(dict[str, Any]):
    """A settings object like the trainers': keys are attributes too.

    It records the keys that a function reads, and prints as the trainers' settings object.

    >>> settings = Settings(gamma=0.5)
    >>> settings.gamma, settings.get("lam"), sorted(settings.keys_read)
    (0.5, None, ['gamma', 'lam'])
    >>> settings
    OmegaConf.create({'gamma': 0.5})
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.keys_read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self:
            raise AttributeError(f"the settings have no {name!r}")
        return self[name]

    def __getitem__(self, name: str) -> Any:
        self.keys_read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a key, or the default."""
        self.keys_read.add(name)
        return super().get(name, default)

    def __repr__(self) -> str:
        return f"OmegaConf.create({super().__repr__()})"


def _uids(batch: Some) -> np.ndarray[Any, Any]:
    """Ids as trainers hold them: strings in an array of objects."""
    return np.array(_names(batch), dtype=object)


def _names(batch: Some) -> list[str]:
    return [f"uid{number}" for number in batch["group"].tolist()]


def _written(batch: Some) -> Tensor:
    return (batch["turn"] >= 0).to(torch.int64)


def _response(batch: Some) -> Tensor:
    """Every token of the response, with tool output: the trainer masks it later."""
    return batch["present"].to(torch.int64)


def _per_function(batch: Some) -> Tensor:
    """One reward function; a trajectory without a score has NaN."""
    reward = batch["reward"]
    if reward.dtype in (torch.bfloat16, torch.float16):
        raise InexpressibleError("TRL converts rewards to float32")
    if "valid" in batch:
        reward = torch.where(batch["valid"], reward, torch.nan)
    return reward[:, None]


def _per_prompt(batch: Some) -> int:
    """The number of trajectories of each group, where groups are given by position."""
    ids = batch["group"].tolist()
    starts = [row for row, each in enumerate(ids) if row == 0 or each != ids[row - 1]]
    sizes = {b - a for a, b in pairwise([*starts, len(ids)])}
    if len(sizes) > 1 or len(starts) > len(set(ids)):
        raise InexpressibleError("groups given by position have one size and are contiguous")
    return sizes.pop() if sizes else 2


def _sum_of_squares(batch: Some) -> Tensor:
    """The sum of squared probabilities of all tokens; the others share the rest of the mass."""
    own = batch["old_log_probs"].exp()
    return own.square() + (1 - own).square() * batch["sum_pi_squared"]


def _unchanged(name: str) -> Feed:
    """A tensor without any change."""
    return Feed((name,), lambda batch: batch[name])


def _tokens(name: str, meaning: str, low: float | None, high: float | None) -> Argument:
    shape = Shape("float", (("batch", 0), ("token", 0)))
    return Argument(name, (shape,), True, ArgumentSpec(meaning, low=low, high=high))


def _choice(name: str, *choices: Any) -> Option:
    return Option(name, choices, None, False, False)


def _number(name: str, spec: ArgumentSpec) -> Option:
    return Option(name, None, spec, False, False)


_DISCOUNT = ArgumentSpec("a discount", low=0, high=1)
_FACTOR = ArgumentSpec("a factor", above=0)

VERL = Convention(
    name="verl",
    arguments={
        "token_level_rewards": _unchanged("token_reward"),
        "values": _unchanged("value"),
        "reward_baselines": _unchanged("baseline"),
        "response_mask": Feed(("turn",), _written),
        "index": Feed(("group",), _uids),
        "old_log_probs": _unchanged("old_log_probs"),
        "sum_pi_squared": Feed(("sum_pi_squared", "old_log_probs"), _sum_of_squares),
    },
    options={
        "gamma": _number("gamma", _DISCOUNT),
        "lam": _number("lam", _DISCOUNT),
        "norm_adv_by_std_in_grpo": _choice("norm_adv_by_std_in_grpo", True, False),
        "f_norm": _number("f_norm", _FACTOR),
        "alpha": _number("alpha", _FACTOR),
        "handle_zero_tail": _choice("handle_zero_tail", True, False),
    },
    defaults={"gamma": 0.5, "lam": 0.5},
    config={"gamma": 0.5, "lam": 0.5, "norm_adv_by_std_in_grpo": True},
    own={
        # Below 0: a token of probability 1 has no gradient, so its credit has no effect.
        "old_log_probs": _tokens("old_log_probs", "log-probability of the token", None, -0.25),
        "sum_pi_squared": _tokens("sum_pi_squared", "share of the other tokens in the rest", 0, 1),
    },
    counts_masked_tail=True,
)

SKYRL = Convention(
    name="skyrl",
    arguments={
        "token_level_rewards": _unchanged("token_reward"),
        "values": _unchanged("value"),
        "response_mask": Feed(("turn", "present"), _response),
        "index": Feed(("group",), _names),
    },
    options={
        "gamma": _number("gamma", _DISCOUNT),
        "lambd": _number("lambd", _DISCOUNT),
        "grpo_norm_by_std": _choice("grpo_norm_by_std", True, False),
    },
    defaults={"gamma": 0.5, "lambd": 0.5},
    masks_tool_output=False,
)

TRL = Convention(
    name="trl",
    arguments={
        "rewards_per_func": Feed(("reward",), _per_function, may=("valid",)),
        "num_generations": Feed(("group",), _per_prompt),
    },
    options={
        "scale_rewards": _choice("scale_rewards", "group", "batch", "none"),
        "multi_objective_aggregation": _choice(
            "multi_objective_aggregation", "sum_then_normalize", "normalize_then_sum"
        ),
        "normalize_advantages": _choice("normalize_advantages", False, True),
    },
    equal_groups=True,
    dtypes=(torch.float32,),
)

CONVENTIONS: dict[str, Convention] = {each.name: each for each in (VERL, SKYRL, TRL)}


def convention_of(signature: str) -> Convention:
    """A convention by name.

    >>> sorted(convention_of("trl").arguments)
    ['num_generations', 'rewards_per_func']
    """
    if signature not in CONVENTIONS:
        known = ", ".join(map(repr, CONVENTIONS))
        fact = f"{signature!r}{did_you_mean(signature, CONVENTIONS)}"
        raise contract_error("conformance_report", "signature", f"one of {known}", fact)
    return CONVENTIONS[signature]
