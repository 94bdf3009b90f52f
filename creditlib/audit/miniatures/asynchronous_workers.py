"""Claim c: some schedulers over-represent quick rollouts, and duration weights repair it."""

from __future__ import annotations

import numpy as np
import torch

from creditlib.audit.miniatures.result import ClaimResult, Runs, judged
from creditlib.audit.miniatures.schedulers import Prompts, learn_while_running

__all__ = ["asynchronous_workers"]

# A quick prompt prefers arm 0 by .5, a slow one arm 1 by 1; arm 1 is the better one: .75 to .5.
_TWO_PROMPTS = Prompts(
    durations=np.array([[1.0, 1.0], [10.0, 10.0]]), wins=np.array([[1.0, 0.5], [0.0, 1.0]])
)
_FOUR_ARMS = Prompts(
    durations=np.array([[1.0, 4.0, 10.0, 10.0]]), wins=np.array([[0.2, 0.4, 0.6, 1.0]])
)


def asynchronous_workers(runs: Runs) -> list[ClaimResult]:
    """Duration weights with workers pinned to prompts, and with workers that run freely."""
    seeds = runs.numbers(2)
    plain, weighted = (
        learn_while_running(_TWO_PROMPTS, "pinned", seeds, each)[:, -1] for each in (False, True)
    )
    mean, low, high = judged(torch.from_numpy(weighted - plain), runs)
    pinned = ClaimResult(
        "c",
        False,
        "With workers pinned to prompts, the quick prompt wins, and duration weights repair it.",
        "final mean reward, with duration weights minus without",
        *(mean, low, high),
        "above 0.15",
        mean > 0.15,
        {"without": float(plain.mean()), "with": float(weighted.mean()), "best policy": 0.75},
    )
    plain, weighted = (
        learn_while_running(_FOUR_ARMS, "free", seeds, each, period=1.0).mean(1)
        for each in (False, True)
    )
    mean, low, high = judged(torch.from_numpy(weighted - plain), runs)
    free = ClaimResult(
        "c",
        True,
        "With workers that finish all they start, duration weights do not help.",
        "area under the curve, with duration weights minus without",
        *(mean, low, high),
        "not above 0.01",
        mean <= 0.01,
        {"without": float(plain.mean()), "with": float(weighted.mean())},
    )
    return [pinned, free]
