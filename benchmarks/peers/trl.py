"""TRL, from the installed package: GRPOTrainer's method, called by `examples/trl_advantages.py`.

TRL has no function of its own for this: the whole method around the arithmetic is timed, with the
parts that generate and score replaced. About a millisecond of it is bookkeeping, so its time says
what a trainer step pays, not what the formula costs. Convention: 1e-4 is added to the deviation
(`presets.TRL_GRPO`). Rollouts of a prompt must be adjacent: they are sorted before the clock
starts. It gives one number a trajectory; tokens are never touched.
"""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.peers.checkout import package_version
from benchmarks.work import Batch, Offered, Peer

__all__ = ["load"]


def load(path: Path | None) -> Peer:
    """The installed TRL."""
    version = package_version("trl")
    from examples.trl_advantages import grpo

    grpo(torch.tensor([[0.0], [1.0]]), 2)  # imports TRL, or says what it lacks

    def offer(batch: Batch) -> Offered:
        order = torch.argsort(batch["group"], stable=True)
        members = int((batch["group"] == batch["group"][0]).sum())
        rewards = batch["reward"][order][:, None]
        back = torch.argsort(order)
        return Offered(
            lambda: grpo(rewards, members),
            lambda result: (result[back],),
            "the whole trainer method, bookkeeping included",
        )

    return Peer("trl", version, "package", {"grpo, eps 1e-4": [("method", offer)]})
