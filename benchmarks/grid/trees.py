"""Trees of rollouts: 25,600 leaves of up to 20 turns, credit of turns only."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch

import creditlib as cl
from benchmarks import inputs
from benchmarks.work import Plan, Work

__all__ = ["batch_of_trees", "plans"]

Value = Literal["leaf_mean", "child_mean", "child_softmax"]
LEAVES, TURNS = 25_600, 20
BRANCHES = 3  # what a turn can do
NAMES = ("reward", "group", "node", "turn_count", "turn_entropy")


def batch_of_trees(leaves: int, turns: int) -> dict[str, Any]:
    """Trees of eight leaves that share their first turns, as the random ids of nodes have it."""
    draw = torch.Generator().manual_seed(7)
    return inputs.turns(leaves, turns) | {
        "node": torch.randint(0, BRANCHES, (leaves, turns), generator=draw),
        "turn_entropy": torch.rand((leaves, turns), generator=draw),
        "turn_count": torch.randint(turns // 2, turns + 1, (leaves,), generator=draw),
    }


def _plan(value: Value, leaves: int, turns: int, *, quick: bool = False) -> Plan:
    def build(device: str) -> Work:
        batch = inputs.to_device(batch_of_trees(leaves, turns), device)
        given: dict[str, Any] = {name: batch[name] for name in NAMES}
        read = tuple(given.values())
        size = 4 * leaves * turns
        return Work(batch, lambda: cl.tree_credit(**given, value=value), read, None, size)

    why = "rollouts that branch: the promise is 100 ms for 25,600 leaves of 20 turns"
    return Plan(f"tree_credit, {value}", f"{leaves}x{turns}", "turns only", why, build, quick=quick)


def plans() -> list[Plan]:
    """One row for each value of a node, and a tiny one."""
    full = [_plan(value, LEAVES, TURNS) for value in get_args(Value)]
    return [_plan("child_mean", 16, 3, quick=True), *full]
