"""Rows of the benchmark's grid: device time, waiting time, host time, launches."""

from __future__ import annotations

from benchmarks import grid
from benchmarks.gpu.context import Context
from benchmarks.gpu.measuring import kept_inputs, measure_plan
from benchmarks.work import Plan

__all__ = ["plans", "prepare", "run"]


def plans(context: Context) -> list[Plan]:
    """The rows that take part; those of one shape and layout of tokens beside each other."""
    chosen = [each for each in grid.plans() if not each.axis and context.scale.chooses(each.key)]
    words = ("int64", "full", "adjoining", "packed")
    return sorted(chosen, key=lambda plan: (plan.shape, [word in plan.key for word in words]))


def run(context: Context) -> None:
    """Measure row after row; the torch reference is never timed, it computes on the CPU."""
    with kept_inputs():
        context.each(
            plans(context), lambda plan: plan.key, lambda plan: measure_plan(context, plan)
        )


prepare = run
