"""rl-triton (GPU only), from a checkout (`src/rl_triton`) or installed. Not yet run on a GPU.

Tolerated: no holes, so it is offered inputs in which every token is written; it returns advantages
only, and float32 termination flags are made before the clock starts.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers.checkout import package_version, version_of, wanted
from benchmarks.work import Batch, Offered, Peer

__all__ = ["load"]


def load(path: Path | None) -> Peer:
    """The checkout of rl-triton at `path`, or the installed package."""
    installed = path is None and importlib.util.find_spec("rl_triton") is not None
    root = None if installed else wanted(path, "rl_triton")
    if not torch.cuda.is_available():
        raise OSError("runs on a GPU only")
    if root is not None:
        sys.path.insert(0, str(root / "src"))
    compute_gae: Any = importlib.import_module("rl_triton.ops.gae").compute_gae

    def gae(batch: Batch) -> Offered | None:
        if not batch["full"] or batch["value"].device.type != "cuda":
            return None
        ended = torch.zeros_like(batch["value"])
        ended[:, -1] = 1.0
        reward, value = batch["token_reward"], batch["value"]

        def call() -> Any:
            return compute_gae(reward, value, ended, gamma=0.99, lambda_=0.95)

        return Offered(call)

    version = package_version("rl-triton") if root is None else version_of(root)
    found = "installed" if root is None else "checkout"
    return Peer("rl_triton", version, found, {"gae": [("kernel", gae)]})
