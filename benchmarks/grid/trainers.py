"""Whole adapters: from a trainer's batch to advantages and returns in it, translation included."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from torch import Tensor

from benchmarks.grid.shapes import LARGE, SMALL, TINY, Shape
from benchmarks.grid.tokens import Maker, plan
from benchmarks.work import Batch, Plan, Work

__all__ = ["VERL", "plans"]

# verl's `algorithm` section; the same for its own estimators.
VERL: dict[str, Any] = {"gamma": 0.99, "lam": 0.95, "norm_adv_by_std_in_grpo": True}


def _verl(name: str, rewards: str, **settings: Any) -> Maker:
    """What happens between verl's driver and its next line: `credit_verl_batch` on a DataProto."""
    section = {**VERL, "creditlib": settings}

    def make(batch: Batch, shape: Shape) -> Work:
        # Imported here, so that `--base` can time the other rows of commits without this module.
        from creditlib.integrations.verl.batch import credit_verl_batch

        reward = batch[rewards]
        tensors = {"response_mask": batch["mask"], "values": batch["value"]}
        tensors |= {"token_level_rewards": reward, "token_level_scores": reward}
        data = SimpleNamespace(batch=tensors, non_tensor_batch={"uid": batch["uid"]})

        def call() -> tuple[Tensor, ...]:
            credit_verl_batch(data, name, {"config": section})
            return (tensors["advantages"],)

        return Work(batch, call, (reward, batch["mask"]), None, reward.numel() * 4)

    return make


def plans() -> list[Plan]:
    """Rows in the order of the report."""
    outcome, every = "outcome_token_reward", "token_reward"
    makers = {
        "grpo in verl's driver": _verl("creditlib_grpo", outcome),
        "rloo in verl's driver": _verl("creditlib_rloo", outcome),
        "gae in verl's driver, whitened": _verl("creditlib_gae", every, whiten=True),
        "reinforce_plus_plus in verl's driver": _verl("creditlib_reinforce_plus_plus", every),
    }
    return [
        plan(op, shape, "int64 mask, holes", make)
        for op, make in makers.items()
        for shape in (TINY, SMALL, LARGE)
    ]
