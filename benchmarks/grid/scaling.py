"""Series over three decades: tokens in a row, turns in a trajectory, groups in a batch.

One size grows, everything else stays: a time that grows faster than the size would show as an
exponent above 1. Small sizes cost a call and nothing more, so exponents below 1 are usual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

import creditlib as cl
from benchmarks import inputs
from benchmarks.work import Batch, Plan, Work

__all__ = ["plans"]

DECADES = [round(10 ** (step / 2)) for step in range(7)]  # 1 to 1000
ROWS = 64
WIDTHS = [64 * factor for factor in DECADES]  # 4,096 to 4,096,000 tokens
TURNS = [2 * factor for factor in DECADES]  # 128 to 128,000 turns
GROUPS = [4 * factor for factor in DECADES]  # 32 to 32,000 trajectories


def _turn_sum(token_reward: Tensor, turn: Tensor) -> Tensor:
    return cl.turn_sum(token_reward, turn, 10)


def _grpo_to_tokens(reward: Tensor, group: Tensor, turn: Tensor) -> Tensor:
    return cl.to_tokens(cl.grpo(reward=reward, group=group), turn)


GAMMA = {"gamma": 0.99}
TOKENS: dict[str, tuple[Callable[..., Any], tuple[str, ...], dict[str, Any]]] = {
    "gae": (cl.gae, ("token_reward", "value", "turn"), GAMMA | {"lam": 0.95}),
    "reinforce_plus_plus": (cl.reinforce_plus_plus, ("token_reward", "turn"), GAMMA),
    "discounted_return": (cl.discounted_return, ("token_reward", "turn"), GAMMA),
    "turn_sum": (_turn_sum, ("token_reward", "turn"), {}),
    "grpo to tokens": (_grpo_to_tokens, ("reward", "group", "turn"), {}),
}
GIGPO = ("reward", "group", "turn_reward", "anchor", "turn_count")
GAINS = ("reward", "group", "information_gain", "turn_count")
TURN_LEVEL: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "gigpo": (cl.gigpo, GIGPO),
    "igpo": (cl.igpo, GAINS),
    "a2tgpo": (cl.a2tgpo, GAINS),
    "pure": (cl.pure, ("process_reward", "group", "turn_count")),
}
GROUP_LEVEL = {
    "grpo": (cl.grpo, ("reward", "group")),
    "rloo": (cl.rloo, ("reward", "group")),
    "gigpo": TURN_LEVEL["gigpo"],
    "igpo": TURN_LEVEL["igpo"],
}


def _work(
    function: Callable[..., Any], names: tuple[str, ...], more: dict[str, Any], batch: Batch
) -> Work:
    given = {name: batch[name] for name in names}
    return Work(batch, lambda: function(**given, **more), tuple(given.values()))


def _plan(op: str, axis: str, size: int, count: int, build: Callable[[str], Work]) -> Plan:
    why = f"scaling: {count} {axis}, the rest fixed"
    return Plan(op, f"{size} {axis}", "scaling", why, build, x=float(count), axis=axis)


def _over_tokens(op: str, width: int) -> Plan:
    function, names, more = TOKENS[op]

    def build(device: str) -> Work:
        batch = inputs.tokens(ROWS, width, 10)
        return _work(function, names, more, inputs.to_device(batch, device))

    return _plan(op, "tokens", ROWS * width, ROWS * width, build)


def _over_turns(op: str, count: int) -> Plan:
    function, names = TURN_LEVEL[op]

    def build(device: str) -> Work:
        return _work(function, names, {}, inputs.to_device(inputs.turns(ROWS, count), device))

    return _plan(op, "turns", ROWS * count, ROWS * count, build)


def _over_groups(op: str, count: int) -> Plan:
    function, names = GROUP_LEVEL[op]

    def build(device: str) -> Work:
        batch = inputs.turns(8 * count, 4)
        return _work(function, names, {}, inputs.to_device(batch, device))

    return _plan(op, "groups", count, count, build)


def plans() -> list[Plan]:
    """One row a point of a series."""
    return [
        *(_over_tokens(op, width) for op in TOKENS for width in WIDTHS),
        *(_over_turns(op, count) for op in TURN_LEVEL for count in TURNS),
        *(_over_groups(op, count) for op in GROUP_LEVEL for count in GROUPS),
    ]
