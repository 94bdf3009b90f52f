"""IGPO's authors, from a checkout of their code of February 2026: `verl/trainer/ppo/core_algos.py`.

The file alone; its import of verl's torch functions, which this estimator does not use, is met by
an empty module. Tolerated: it finds the last token by counting the mask and the turns by rewards
that are not 0, so it is offered inputs without holes; its pool is "joint" here.
"""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.peers.checkout import load_file, stubs, version_of, wanted
from benchmarks.work import Batch, Offered, Peer

__all__ = ["load"]

MOST_TOKENS = 1 << 20


def load(path: Path | None) -> Peer:
    """The checkout of IGPO at `path`."""
    root = wanted(path, "igpo")
    with stubs("verl", "verl.utils", "verl.utils.torch_functional"):
        core = load_file(root / "verl/trainer/ppo/core_algos.py", "igpo_core_algos")

    def igpo(batch: Batch) -> Offered | None:
        if not batch["contiguous"]:
            return None
        reward = dense_gains(batch)
        return Offered(
            lambda: core.compute_grpo_outcome_advantage(
                reward, batch["mask"], batch["uid"], gamma=1.0, info_gain_norm_mode="joint"
            ),
            lambda result: (result[0],),
            slow="about a minute a call" if reward.numel() > MOST_TOKENS else "",
        )

    return Peer("igpo", version_of(root), "checkout", {"igpo to tokens": [("loop", igpo)]})


def dense_gains(batch: Batch) -> torch.Tensor:
    """Each gain on the last token of its turn, the outcome on the last token of the row."""
    ends = batch["turn_length"].cumsum(1) - 1
    value = batch["information_gain"].clone()
    value[:, -1] = batch["reward"]
    return torch.zeros_like(batch["value"]).scatter_(1, ends, value)
