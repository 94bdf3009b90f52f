"""Which trajectories stand on a page: all, or those of groups that are drawn at random."""

from __future__ import annotations

import random
from collections.abc import Sequence

__all__ = ["sampled_groups"]

_OF_LARGE = 200  # trajectories that are shown of a group that is too large for a page


def sampled_groups(
    groups: Sequence[Sequence[int]],
    numbers: Sequence[int],
    *,
    limit: int,
    per_row: int,
    seed: int = 0,
) -> dict[int, list[int]]:
    """The trajectories that a page shows, in order, by the position of their group.

    `groups` has the trajectories of each group, and `numbers` says how many numbers a trajectory
    has. All are taken if they are at most `limit` trajectories with `limit · per_row` numbers. Of a
    group that exceeds this alone, up to 200 trajectories with `200 · per_row` numbers are drawn.
    Then groups are drawn; one that no longer fits is left out. `seed` decides what is drawn. One
    trajectory is always taken.

    >>> sampled_groups([[0, 2], [1, 3]], [1, 1, 1, 1], limit=4, per_row=10)
    {0: [0, 2], 1: [1, 3]}
    >>> len(sampled_groups([[0, 2], [1, 3]], [1, 1, 1, 1], limit=3, per_row=10))
    1
    >>> len(sampled_groups([range(999)], [1] * 999, limit=500, per_row=10)[0])
    200
    """
    draw = random.Random(seed)
    order = list(range(len(groups)))
    draw.shuffle(order)
    chosen: dict[int, list[int]] = {}
    left, cells_left = limit, limit * per_row
    for group in order:
        rows = list(groups[group])
        if not _fits(rows, numbers, limit, limit * per_row):
            draw.shuffle(rows)
            few = min(limit, _OF_LARGE)
            rows = sorted(_first(rows, numbers, few, few * per_row))
        if chosen and not _fits(rows, numbers, left, cells_left):
            continue
        chosen[group] = rows
        left, cells_left = left - len(rows), cells_left - sum(numbers[row] for row in rows)
    return dict(sorted(chosen.items()))


def _fits(rows: Sequence[int], numbers: Sequence[int], most: int, cells: int) -> bool:
    return len(rows) <= most and sum(numbers[row] for row in rows) <= cells


def _first(rows: Sequence[int], numbers: Sequence[int], most: int, cells: int) -> Sequence[int]:
    """The first rows that fit, at least one."""
    count = 1
    used = numbers[rows[0]]
    while count < min(most, len(rows)) and used + numbers[rows[count]] <= cells:
        used += numbers[rows[count]]
        count += 1
    return rows[:count]
