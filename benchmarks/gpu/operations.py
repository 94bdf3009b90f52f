"""Every operation and estimator as a function of one batch, for the comparison with the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

import creditlib as cl
from benchmarks import inputs
from benchmarks.work import Batch

__all__ = ["OPERATIONS", "PACKED", "Run", "batch_of"]

Run = Callable[[Batch], Any]
TOKENS = ("turn", "token_reward", "value", "weight")
GROUPED = ("reward", "group")
GIGPO = (*GROUPED, "turn_reward", "anchor", "turn_count")
GAINS = (*GROUPED, "information_gain", "turn_count")
PROCESS = ("process_reward", "turn_count")


def _call(function: Callable[..., Any], *names: str, **options: Any) -> Run:
    """A function of the named tensors, with the offsets of packed rows where there are any."""

    def run(batch: Batch) -> Any:
        return function(**{name: batch[name] for name in names}, **_offsets(batch), **options)

    return run


def _offsets(batch: Batch) -> dict[str, Any]:
    return {"offsets": batch["offsets"]} if "offsets" in batch else {}


def _spread(function: Callable[..., Tensor], *names: str, **options: Any) -> Run:
    """Credit of rows or of turns, brought to the tokens."""

    def run(batch: Batch) -> Any:
        credit = function(**{name: batch[name] for name in names}, **options)
        return cl.to_tokens(credit, batch["turn"], **_offsets(batch))

    return run


def _gae(**more: Any) -> Run:
    return _call(cl.gae, "token_reward", "value", "turn", gamma=0.99, lam=0.95, **more)


def _gae_wide(batch: Batch) -> Any:
    """In float64, where a program holds half as many tokens."""
    wide: dict[str, Any] = {name: batch[name].double() for name in ("token_reward", "value")}
    return cl.gae(**wide, turn=batch["turn"], **_offsets(batch), gamma=0.99, lam=0.95)


def _gae_into(batch: Batch) -> Any:
    out = (torch.empty_like(batch["value"]), torch.empty_like(batch["value"]))
    return _gae(out=out)(batch)


def _two_level_gae(batch: Batch) -> Any:
    rates = {"gamma": 0.99, "lam": 0.95, "turn_gamma": 0.9, "turn_lam": 0.8}
    return _call(cl.two_level_gae, "token_reward", "value", "turn", **rates)(batch)


def _ratios(batch: Batch) -> Any:
    now = -batch["weight"]
    pair = {"log_prob": now, "old_log_prob": 0.9 * now}
    return cl.importance_weight(**pair, turn=batch["turn"], **_offsets(batch))


def _top(batch: Batch) -> Any:
    score = batch["weight"]
    return cl.top_fraction(token_score=score, turn=batch["turn"], fraction=0.2, **_offsets(batch))


def _sums(batch: Batch) -> Any:
    turns = batch["process_reward"].shape[1]
    return cl.turn_sum(batch["token_reward"], batch["turn"], turns, **_offsets(batch))


def _credit(name: str) -> Callable[..., Tensor]:
    def given_credit(**given: Tensor) -> Tensor:
        return given[name]

    return given_credit


OPERATIONS: Mapping[str, Run] = {
    "gae": _gae(),
    "gae float64": _gae_wide,
    "gae, out=": _gae_into,
    "two_level_gae": _two_level_gae,
    "importance_weight": _ratios,
    "top_fraction": _top,
    "discounted_return": _call(cl.discounted_return, "token_reward", "turn", gamma=0.99),
    "reinforce_plus_plus": _call(cl.reinforce_plus_plus, "token_reward", "turn", gamma=0.99),
    "turn_sum": _sums,
    "to_tokens from rows": _spread(_credit("reward"), "reward"),
    "to_tokens from turns": _spread(_credit("process_reward"), "process_reward"),
    "whiten": lambda batch: cl.whiten(batch["value"], batch["turn"] >= 0),
    "whiten, weighted": lambda batch: cl.whiten(
        batch["value"], torch.where(batch["turn"] >= 0, batch["weight"], 0.0)
    ),
    "grpo": _spread(cl.grpo, *GROUPED),
    "grpo, median and mad": _spread(cl.grpo, *GROUPED, center="median", scale="mad"),
    "rloo": _spread(cl.rloo, *GROUPED),
    "opo": _spread(cl.opo, *GROUPED, "length"),
    "gigpo": _spread(cl.gigpo, *GIGPO),
    "igpo": _spread(cl.igpo, *GAINS),
    "a2tgpo": _spread(cl.a2tgpo, *GAINS),
    "pure": _spread(cl.pure, "group", *PROCESS),
    "suffix_min_returns": lambda batch: cl.suffix_min_returns(
        **{name: batch[name] for name in PROCESS}
    ),
    "duration_weight": lambda batch: cl.duration_weight(
        duration=batch["duration"], turn_count=batch["turn_count"]
    ),
}
# What depends on how tokens lie in memory.
PACKED = tuple(OPERATIONS)[:13]


def batch_of(shape: tuple[int, int, int], dtype: torch.dtype, layout: str) -> dict[str, Any]:
    """A batch on the CPU: "holes", "full", or "packed", which is holes without padding."""
    batch = inputs.tokens(*shape, holes=layout != "full", full=layout == "full", dtype=dtype)
    if layout != "packed":
        return batch
    inside = torch.arange(shape[1]) < batch["extent"][:, None]
    packed = {name: batch[name][inside] for name in TOKENS}
    return batch | packed | {"offsets": cl.layouts.offsets_of(batch["extent"])}
