"""Whole adapters: from a trainer's batch to advantages and returns in it, translation included.

Numbers for the logger are computed where a trainer logs: rows with diagnostics time them too. Rows
of turn-level estimators stand beside the estimator and `to_tokens` alone, on tensors that are there
(`benchmarks/peers/estimator_alone.py`): what the adapter adds.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from torch import Tensor

from benchmarks.grid.shapes import LARGE, SMALL, TINY, Shape
from benchmarks.grid.tokens import Maker, plan
from benchmarks.work import Batch, Plan, Work

__all__ = ["TURN_LEVEL", "VERL", "plans"]

# verl's `algorithm` section; the same for its own estimators.
VERL: dict[str, Any] = {"gamma": 0.99, "lam": 0.95, "norm_adv_by_std_in_grpo": True}

# Turn-level estimators, and the columns of turns that their trainer holds as lists.
TURN_LEVEL = {
    "grpo_process": ("turn_reward",),
    "gigpo": ("turn_reward", "anchor"),
    "igpo": ("information_gain",),
    "pure": ("process_reward",),
}
AGENTS = Shape(1024, 32768, 50, "a batch of 128 prompts with long contexts; 128 MiB a tensor")


def _verl(
    name: str,
    rewards: str,
    *,
    columns: tuple[str, ...] = (),
    diagnostics: bool = False,
    **settings: Any,
) -> Maker:
    """What happens between verl's driver and its next line: `credit_verl_batch` on a DataProto."""
    section = {**VERL, "creditlib": settings}

    def make(batch: Batch, shape: Shape) -> Work:
        # Imported here, so that `--base` can time the other rows of commits without this module.
        from creditlib.integrations.verl.batch import credit_verl_batch

        reward = batch[rewards]
        tensors = {"response_mask": batch["mask"], "values": batch["value"]}
        tensors |= {"token_level_rewards": reward, "token_level_scores": reward}
        beside = {"uid": batch["uid"], **{each: _lists(batch[each]) for each in columns}}
        data = SimpleNamespace(batch=tensors, non_tensor_batch=beside)

        def call() -> tuple[Tensor, ...]:
            credit = credit_verl_batch(data, name, {"config": section})
            if diagnostics:
                _ = credit.metrics
            return (tensors["advantages"],)

        return Work(batch, call, (reward, batch["mask"]), None, reward.numel() * 4)

    return make


def _lists(x: Tensor) -> np.ndarray[Any, Any]:
    """A table of turns as a trainer has it: an array of one list for each row."""
    found = np.empty(len(x), dtype=object)
    found[:] = x.tolist()
    return found


def plans() -> list[Plan]:
    """Rows in the order of the report."""
    outcome, every = "outcome_token_reward", "token_reward"
    makers = {
        "grpo in verl's driver": _verl("creditlib_grpo", outcome),
        "grpo in verl's driver, diagnostics": _verl("creditlib_grpo", outcome, diagnostics=True),
        "rloo in verl's driver": _verl("creditlib_rloo", outcome),
        "gae in verl's driver, whitened": _verl("creditlib_gae", every, whiten=True),
        "reinforce_plus_plus in verl's driver": _verl("creditlib_reinforce_plus_plus", every),
    }
    turns = {
        f"{name} in verl's driver": _verl(f"creditlib_{name}", outcome, columns=columns)
        for name, columns in TURN_LEVEL.items()
    }
    rows = [
        plan(op, shape, "int64 mask, holes", make)
        for op, make in {**makers, **turns}.items()
        for shape in (TINY, SMALL, LARGE)
    ]
    longest = "grpo_process in verl's driver"
    return [*rows, plan(longest, AGENTS, "int64 mask, holes", turns[longest])]
