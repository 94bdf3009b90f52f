"""The laws that credit keeps, by name."""

from creditlib.testing.law import Law
from creditlib.testing.laws import (
    calls,
    comparison,
    course,
    expectation,
    members,
    statistics,
    tokens,
    weights,
)

__all__ = ["LAWS"]

_MODULES = (calls, members, statistics, comparison, tokens, course, weights, expectation)
LAWS: dict[str, Law] = {law.name: law for module in _MODULES for law in module.LAWS}
