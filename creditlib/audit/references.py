"""What an estimator is compared with: the oracle, and compositions that have no name of their own.

Each is a function of tensors by name, as a user would write it, and `audited` knows it by name.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

__all__ = ["REFERENCES", "oracle", "reinforce"]


def oracle(*, oracle_advantage: Tensor) -> Tensor:
    """The exact advantage of the action taken: the ceiling of any credit of one sample."""
    return oracle_advantage


def reinforce(*, reward: Tensor) -> Tensor:
    """The outcome itself, without a baseline."""
    return reward


REFERENCES: dict[str, Callable[..., Tensor]] = {"oracle": oracle, "reinforce": reinforce}
