"""rl-triton (GPU only), from a checkout: `src/rl_triton`.

Tolerated: no holes, so it is offered inputs in which every token is written; it returns advantages
only, and float32 termination flags are made before the clock starts.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from benchmarks.peers.checkout import version_of, wanted
from benchmarks.work import Batch, Offered, Peer

__all__ = ["load"]


def load(path: Path | None) -> Peer:
    """The checkout of rl-triton at `path`."""
    root = wanted(path, "rl_triton")
    if not torch.cuda.is_available():
        raise OSError("runs on a GPU only")
    sys.path.insert(0, str(root / "src"))
    from rl_triton.ops.gae import compute_gae

    def gae(batch: Batch) -> Offered | None:
        if not batch["full"] or batch["value"].device.type != "cuda":
            return None
        ended = torch.zeros_like(batch["value"])
        ended[:, -1] = 1.0
        return Offered(
            lambda: compute_gae(
                batch["token_reward"], batch["value"], ended, gamma=0.99, lambda_=0.95
            )
        )

    return Peer("rl_triton", version_of(root), "checkout", {"gae": [("kernel", gae)]})
