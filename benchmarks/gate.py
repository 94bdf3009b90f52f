"""No number without parity: a contestant must give the credit of the reference on that input."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from benchmarks.work import Contestant
from creditlib.testing import agree

__all__ = ["refusal"]


def refusal(contestant: Contestant, result: Any, truth: tuple[Tensor, ...]) -> str:
    """Why a contestant gets no number; "" if its result agrees with the reference.

    A contestant may return fewer results than the reference (advantages without returns), not
    none. Tolerance: that of two float32 ways to one credit, relative to the largest credit.
    """
    seen = contestant.view(result)
    if not seen:
        return "returns nothing to compare"
    if len(seen) > len(truth):
        return f"returns {len(seen)} results, the reference {len(truth)}"
    for number, (one, other) in enumerate(zip(seen, truth, strict=False)):
        if one.shape != other.shape:
            return f"result {number} is {tuple(one.shape)}, not {tuple(other.shape)}"
        if not agree(one.to(other.device), other):
            gap = (one.to(other) - other).abs().nan_to_num(nan=float("inf")).max()
            return f"result {number} differs from the reference by up to {float(gap):.3g}"
    return ""
