"""TorchRL, from the installed package: `vec_generalized_advantage_estimate` (convolution).

Tolerated: it has no holes, so it is offered inputs in which every token is written; it takes
next-state values and done flags of shape [batch time 1], made before the clock starts. It truncates
its filter where (gamma lam)^t falls below 1e-7.
"""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.peers.checkout import package_version
from benchmarks.work import Batch, Offered, Peer

__all__ = ["load"]


def load(path: Path | None) -> Peer:
    """The installed TorchRL."""
    import torchrl.objectives.value.functional as functional

    def gae(batch: Batch) -> Offered | None:
        if not batch["full"]:
            return None
        reward, value = batch["token_reward"][..., None], batch["value"][..., None]
        ahead = torch.cat([value[:, 1:], torch.zeros_like(value[:, :1])], 1)
        done = torch.zeros_like(reward, dtype=torch.bool)
        done[:, -1] = True
        return Offered(
            lambda: functional.vec_generalized_advantage_estimate(
                0.99, 0.95, value, ahead, reward, done
            ),
            lambda result: tuple(each[..., 0] for each in result),
        )

    return Peer(
        "torchrl",
        package_version("torchrl"),
        "package",
        {"gae": [("vectorised", gae)]},
    )
