"""The finite tasks, by name."""

from __future__ import annotations

from collections.abc import Callable

from creditlib.audit.task import Task
from creditlib.audit.tasks.asynchronous import asynchronous
from creditlib.audit.tasks.key_door import key_door
from creditlib.audit.tasks.pipeline import pipeline
from creditlib.audit.tasks.reasoning import reasoning
from creditlib.audit.tasks.recovery import recovery
from creditlib.audit.tasks.rooms import rooms
from creditlib.audit.tasks.search import search
from creditlib.audit.tasks.two_state import two_state
from creditlib.audit.tasks.umbrella import umbrella
from creditlib.audit.tasks.wings import wings

__all__ = [
    "TASKS",
    "TINY",
    "asynchronous",
    "key_door",
    "pipeline",
    "reasoning",
    "recovery",
    "rooms",
    "search",
    "two_state",
    "umbrella",
    "wings",
]

# The tasks of an audit, in the order of its tables.
TASKS: dict[str, Callable[[], Task]] = {
    "key_door": key_door,
    "key_door_apples": lambda: key_door(apple=0.5),
    "umbrella": umbrella,
    "recovery": recovery,
    "rooms": rooms,
    "search": search,
    "reasoning": reasoning,
    "pipeline": lambda: pipeline(n=4),
    "wings": wings,
    "asynchronous": asynchronous,
}
# Tasks so small that every group of 2 and of 3 trajectories is enumerated.
TINY: dict[str, Callable[[], Task]] = {
    "key_door": lambda: key_door(d=1, actions=2),
    "umbrella": lambda: umbrella(turns=2),
    "recovery": lambda: recovery(distractors=1),
    "rooms": lambda: rooms(n=2, actions=2, turns=3),
    "search": lambda: search(bits=1, tools=2, q=2),
    "reasoning": lambda: reasoning(K=1, H=2, flaw=0.5),
    "pipeline": lambda: pipeline(n=2),
    "wings": lambda: wings(k=2),
    "asynchronous": asynchronous,
    "two_state": two_state,
}
