"""Our own turn-level estimators and `to_tokens` alone, beside the same in a trainer's driver.

What they read is there already: tensors of trajectories and turns, and a turn map. So the ratio of
a row says what the adapter adds. No code of others is called.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import creditlib as cl
from benchmarks.grid.trainers import TURN_LEVEL, VERL
from benchmarks.work import Batch, Offer, Offered, Peer

__all__ = ["load"]


def _alone(name: str) -> Offer:
    function = cl.resolve(name)
    parameters = inspect.signature(function).parameters
    options = {key: VERL[key] for key in ("gamma", "lam") if key in parameters}

    def offer(batch: Batch) -> Offered:
        return Offered(
            lambda: (cl.to_tokens(cl.apply(function, batch, **options), batch["turn"]),),
            note="tensors and turn map are there",
        )

    return offer


def load(path: Path | None) -> Peer:
    """The estimators of this checkout."""
    offers = {f"{name} in verl's driver": [("with to_tokens", _alone(name))] for name in TURN_LEVEL}
    return Peer("estimator alone", cl.__version__, "this checkout", offers)
