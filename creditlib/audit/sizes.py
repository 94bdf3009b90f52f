"""How much an audit samples, in full and quick."""

from __future__ import annotations

from typing import NamedTuple

from creditlib.audit.learning_curves import LEARNING_TASKS
from creditlib.audit.training_path import PATH_TASKS
from creditlib.vocabulary.messages import contract_error

__all__ = ["FULL", "QUICK", "Size", "sizes_of"]


class Size(NamedTuple):
    """How much is sampled: groups, seeds and updates of learning, groups and updates of a path.

    tasks: of all tiers; None is all of `TASKS`. learn_on, path_on: those of them that learning and
    the path are limited to, unless tasks are asked for.
    """

    groups: int
    seeds: int
    updates: int
    path_groups: int
    along: tuple[int, ...]
    tasks: tuple[str, ...] | None
    learn_on: tuple[str, ...]
    path_on: tuple[str, ...]


FULL = Size(1000, 16, 60, 400, (0, 10, 20, 40, 60), None, LEARNING_TASKS, tuple(PATH_TASKS))
QUICK = Size(200, 4, 30, 200, (0, 20), None, ("recovery", "search"), ("reasoning",))


def sizes_of(
    quick: bool, groups: int | None, seeds: int | None, updates: int | None, size: int
) -> Size:
    """The sizes, with those that were given in the place of the usual ones.

    updates also ends the path. size: of a group, which is only checked.

    Errors: a number that is too small.

    >>> sizes_of(quick=True, groups=None, seeds=2, updates=5, size=8)[:5]
    (200, 2, 5, 200, (0,))
    """
    given = {"groups": (groups, 2), "seeds": (seeds, 1), "updates": (updates, 1), "size": (size, 2)}
    for name, (value, least) in given.items():
        if value is not None and value < least:
            raise contract_error("audit", name, f"at least {least}", str(value))
    usual = QUICK if quick else FULL
    return usual._replace(
        groups=groups or usual.groups,
        seeds=seeds or usual.seeds,
        updates=updates or usual.updates,
        along=tuple(each for each in usual.along if updates is None or each <= updates),
    )
