"""Estimators of trajectories, spread over tokens: one number a row is all the arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import creditlib as cl
from benchmarks.grid.shapes import LARGE, LONG, SMALL, TINY, Shape
from benchmarks.grid.tokens import plan
from benchmarks.work import Batch, Plan, Work

__all__ = ["plans"]

Credit = Callable[[Batch], Tensor]


def _to_tokens(credit: Credit, *names: str) -> Callable[[Batch, Shape], Work]:
    """Credit from the named tensors, to tokens, with fresh and with given results."""

    def make(batch: Batch, shape: Shape) -> Work:
        turn = batch["turn"]
        out = torch.empty(turn.shape, device=turn.device)
        read = [batch[name] for name in (*names, "turn")]
        return Work(
            batch,
            lambda: cl.to_tokens(credit(batch), turn),
            tuple(x for x in read if isinstance(x, Tensor)),
            lambda: cl.to_tokens(credit(batch), turn, out=out),
            turn.numel() * 4,
        )

    return make


def _grpo(batch: Batch) -> Tensor:
    return cl.grpo(reward=batch["reward"], group=batch["group"])


def _grpo_summed(batch: Batch) -> Tensor:
    return cl.grpo(reward=batch["outcome_token_reward"].sum(-1), group=batch["group"])


def _grpo_labels(batch: Batch) -> Tensor:
    group = cl.ids(batch["uid"]).to(batch["reward"].device)
    return cl.grpo(reward=batch["reward"], group=group)


def _rloo(batch: Batch) -> Tensor:
    return cl.rloo(reward=batch["reward"], group=batch["group"])


def _opo(batch: Batch) -> Tensor:
    return cl.opo(reward=batch["reward"], group=batch["group"], length=batch["length"])


def _baseline(batch: Batch) -> Tensor:
    return cl.reinforce_plus_plus_baseline(
        reward=batch["reward"], group=batch["group"], length=batch["length"]
    )


def _composed(batch: Batch) -> Tensor:
    """GiGPO with half of its anchor part, composed of both parts, by how long the turn took."""
    turn = cl.gigpo(
        reward=batch["reward"],
        group=batch["group"],
        turn_reward=batch["turn_reward"],
        anchor=batch["anchor"],
        turn_count=batch["turn_count"],
        episode_weight=0.0,
    )
    weight = cl.duration_weight(duration=batch["duration"], turn_count=batch["turn_count"])
    episode = cl.per_turn(_grpo(batch), batch["turn_count"], turn.shape[1])
    return (episode + 0.5 * turn) * weight


def _applied(batch: Batch, shape: Shape) -> Work:
    """By name out of a mapping: the dearest way to call, on numbers that cost nothing."""
    given: dict[str, Any] = {name: batch[name] for name in ("reward", "group")}
    return Work(batch, lambda: cl.apply("grpo", given), tuple(given.values()), None, 4 * shape.rows)


def _called(batch: Batch, shape: Shape) -> Work:
    given = (batch["reward"], batch["group"])
    return Work(batch, lambda: _grpo(batch), given, None, 4 * shape.rows)


def _called_like_trl(batch: Batch, shape: Shape) -> Work:
    given = {"reward": batch["reward"], "group": batch["group"], **cl.presets.TRL_GRPO}
    read = (batch["reward"], batch["group"])
    return Work(batch, lambda: cl.grpo(**given), read, None, 4 * shape.rows)


def plans() -> list[Plan]:
    """Rows in the order of the report."""
    reward, member = "reward", "group"
    grpo = _to_tokens(_grpo, reward, member)
    parts = ("turn_reward", "anchor", "turn_count", "duration")
    labels = _to_tokens(_grpo_labels, reward)
    composed = _to_tokens(_composed, reward, member, *parts)
    given, summed = "rewards given, int8, holes", "rewards summed, int8, holes"
    return [
        plan("grpo to tokens", TINY, given, grpo),
        plan("grpo to tokens", LARGE, given, grpo),
        plan("grpo to tokens", LONG, given, grpo),
        plan("grpo to tokens", LARGE, "rewards given, int64, holes", grpo),
        plan(
            "grpo to tokens",
            LARGE,
            summed,
            _to_tokens(_grpo_summed, "outcome_token_reward", member),
        ),
        plan("grpo to tokens", LARGE, "groups from text, int8, holes", labels),
        plan("rloo to tokens", LARGE, given, _to_tokens(_rloo, reward, member)),
        plan("opo to tokens", LARGE, given, _to_tokens(_opo, reward, member, "length")),
        plan(
            "reinforce_plus_plus_baseline to tokens",
            LARGE,
            given,
            _to_tokens(_baseline, reward, member, "length"),
        ),
        plan("(grpo + gigpo) * duration to tokens", LARGE, "int8, holes", composed),
        plan("(grpo + gigpo) * duration to tokens", LONG, "int8, holes", composed),
        plan("grpo to tokens", SMALL, given, grpo),
        plan("grpo to tokens", SMALL, f"{given}, one thread", grpo),
        plan("grpo", SMALL, "no tokens", _called),
        plan("grpo, eps 1e-4", LARGE, "no tokens", _called_like_trl),
        plan("grpo by name", SMALL, "no tokens", _applied),
    ]
