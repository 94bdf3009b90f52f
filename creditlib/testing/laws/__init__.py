"""The laws of credit, by name."""

from creditlib.testing.engine.law import Law
from creditlib.testing.laws import (
    calls,
    expectation,
    groups,
    rewards,
    statistics,
    tokens,
    turns,
    weights,
)

__all__ = ["LAWS"]

_MODULES = (calls, groups, statistics, rewards, tokens, turns, weights, expectation)
LAWS: dict[str, Law] = {law.name: law for module in _MODULES for law in module.LAWS}
