"""The finite tasks, by name."""

from __future__ import annotations

from collections.abc import Callable

from creditlib.audit.task import Task
from creditlib.audit.tasks.recovery import recovery
from creditlib.audit.tasks.rooms import rooms

__all__ = ["TASKS", "TINY", "recovery", "rooms"]

# The tasks of an audit, in the order of its tables.
TASKS: dict[str, Callable[[], Task]] = {
    "recovery": recovery,
    "rooms": rooms,
}
# Tasks so small that every group of 2 and of 3 trajectories is enumerated.
TINY: dict[str, Callable[[], Task]] = {
    "recovery": lambda: recovery(distractors=1),
    "rooms": lambda: rooms(n=2, actions=2, turns=3),
}
