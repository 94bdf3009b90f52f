"""The standard grid: every operation and estimator, over shapes that each stand for something."""

from __future__ import annotations

import fnmatch

from benchmarks.grid import credit, names, scaling, seeds, steps, tokens, trainers, trees
from benchmarks.work import Plan

__all__ = ["chosen", "plans"]


def plans() -> list[Plan]:
    """All rows, in the order of the report."""
    standard = [*tokens.plans(), *credit.plans(), *names.plans(), *steps.plans(), *trainers.plans()]
    return [*standard, *seeds.plans(), *trees.plans(), *scaling.plans()]


def chosen(only: str, quick: bool) -> list[Plan]:
    """Rows whose key holds `only` (or matches it as a pattern with *); the tiny ones if `quick`.

    >>> {plan.op for plan in chosen("whiten*", quick=False)}
    {'whiten'}
    """
    pattern = only if "*" in only else f"*{only}*"
    some = [plan for plan in plans() if plan.quick == quick]
    return [plan for plan in some if fnmatch.fnmatch(plan.key.lower(), pattern.lower())]
