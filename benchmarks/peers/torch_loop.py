"""What one would write in torch alone: the eager loop over time, and a compiled associative scan.

Both are ours, so no adapter: they stand for "no library". The scan compiles on CUDA only, where it
generates a Triton kernel. No holes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.work import Batch, Offered, Peer

__all__ = ["load"]

GAMMA, DECAY = 0.99, 0.99 * 0.95
MOST_COLUMNS = 8192  # on a GPU, where each column costs two launches


def _delta(reward: Tensor, value: Tensor) -> Tensor:
    ahead = torch.nn.functional.pad(value[:, 1:], (0, 1))
    return reward + GAMMA * ahead - value


def _eager(reward: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    advantage = _delta(reward, value)
    for t in range(reward.shape[1] - 2, -1, -1):
        advantage[:, t] += DECAY * advantage[:, t + 1]
    return advantage, advantage + value


def _step(late: tuple[Tensor, Tensor], early: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return late[0] * early[0], early[1] + early[0] * late[1]


def _scan(reward: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    from torch._higher_order_ops.associative_scan import associative_scan

    delta = _delta(reward, value)
    parts: Any = (torch.full_like(delta, DECAY), delta)
    advantage = associative_scan(_step, parts, dim=1, reverse=True)[1]
    return advantage, advantage + value


def load(path: Path | None) -> Peer:
    """Nothing to find."""

    def eager(batch: Batch) -> Offered | None:
        if not batch["full"]:
            return None
        reward, value = batch["token_reward"], batch["value"]
        columns = reward.shape[1] if reward.device.type == "cuda" else 0
        slow = f"{2 * columns:,} launches a call" if columns > MOST_COLUMNS else ""
        return Offered(lambda: _eager(reward, value), slow=slow)

    def scan(batch: Batch) -> Offered | None:
        if not batch["full"] or batch["value"].device.type != "cuda":
            return None
        compiled = torch.compile(_scan)
        return Offered(lambda: compiled(batch["token_reward"], batch["value"]))

    return Peer(
        "torch_loop",
        torch.__version__,
        "benchmarks/peers/torch_loop.py",
        {"gae": [("eager loop", eager), ("compiled scan", scan)]},
    )
