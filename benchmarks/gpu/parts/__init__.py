"""The parts of a session, each a module with a function `run`; each runs in its own process.

The process that starts them imports neither torch nor triton.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PARTS", "Part"]


@dataclass(frozen=True)
class Part:
    """A module of this folder, and its share of the time: seconds of a session of 480.

    `shared` parts run in a process for each core. The rows of a `page` part stand on the page of
    results.
    """

    name: str
    share: float
    shared: bool = False
    page: bool = False


# In this order: what later parts need comes first, and what may be lost comes last.
PARTS = (
    Part("facts", 20),
    Part("ahead", 60, shared=True),
    Part("right", 60),
    Part("grid", 120, page=True),
    Part("rivals", 50, page=True),
    Part("forms", 45),
    Part("statistics", 20),
    Part("project_tests", 75),
    Part("counters", 30),
)
