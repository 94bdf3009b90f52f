"""Methods of papers beside GiGPO: 512 trajectories of 50 turns, credit of turns only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import creditlib as cl
from benchmarks import inputs
from benchmarks.grid.shapes import STEPS
from benchmarks.work import Batch, Plan, Work
from creditlib import recipes

__all__ = ["CALLS", "batch_of_turns", "plans"]

ANCHORED = ("group", "turn_reward", "anchor", "turn_count")
OUTCOME = ("reward", "group", "anchor", "action", "turn_count")
STEP = ("group", "turn_reward", "turn_count")

# Name: the function, and what it reads.
CALLS: dict[str, tuple[Callable[..., Tensor], tuple[str, ...]]] = {
    "gigpo": (cl.gigpo, ("reward", *ANCHORED)),
    "hgpo": (cl.hgpo, ANCHORED),
    "action_margin": (cl.action_margin, OUTCOME),
    "a3": (recipes.a3, (*OUTCOME, "cluster")),
    "grpo_process": (cl.grpo_process, STEP),
    "matchtir": (recipes.matchtir, STEP),
    "mica": (recipes.mica, STEP),
    "fgrpo": (recipes.fgrpo, STEP),
    "istar": (recipes.istar, ("reward", *STEP)),
    "scrl": (recipes.scrl, ("solved_turn", "group", "turn_count")),
    "siop": (recipes.siop, ("potential", "final", "support", "group", "turn_count")),
    "vpr": (recipes.vpr, (*ANCHORED, "solved")),
    "r3l": (recipes.r3l, ("reward", "group")),
}


def batch_of_turns() -> dict[str, Any]:
    """The turns of the grid, with what the methods of papers read besides."""
    batch = inputs.turns(STEPS.rows, STEPS.turns)
    draw = torch.Generator().manual_seed(5)
    size = (STEPS.rows, STEPS.turns)
    return batch | {
        "action": torch.randint(0, 6, size, generator=draw),
        "cluster": torch.randint(0, 6, (*size, 4), generator=draw),
        "potential": torch.randn(size, generator=draw),
        "final": torch.randn(STEPS.rows, generator=draw),
        "support": torch.rand(STEPS.rows, generator=draw),
        "solved": torch.rand(STEPS.rows, generator=draw) < 0.5,
        "solved_turn": torch.rand(size, generator=draw) < 0.7,
    }


def _plan(name: str, function: Callable[..., Tensor], names: tuple[str, ...]) -> Plan:
    def build(device: str) -> Work:
        batch: Batch = inputs.to_device(batch_of_turns(), device)
        given = {each: batch[each] for each in names}
        read = tuple(given.values())
        return Work(batch, lambda: function(**given), read, None, 4 * STEPS.rows * STEPS.turns)

    why = "a method of a paper beside gigpo, on the same trajectories"
    return Plan(f"{name}, seeds", f"{STEPS.rows}x{STEPS.turns}", "turns only", why, build)


def plans() -> list[Plan]:
    """One row for each method, GiGPO first."""
    return [_plan(name, *call) for name, call in CALLS.items()]
