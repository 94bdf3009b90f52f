"""Which trajectories are credited together: buckets by hash of the group, whole groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from creditlib.rollouts.arrow import arrow_modules
from creditlib.vocabulary.messages import ContractError

__all__ = ["batches", "bucket_count", "checked_groups", "split_by_group"]

_SHARE = 0.15  # of the bytes of a file, about this much or less is what estimators read
_CELLS = 1 << 19  # turns of a padded batch
Array = np.ndarray[Any, Any]
Place = Callable[[int, int], str]


def bucket_count(size: int, memory: int) -> int:
    """How many buckets the trajectories of `size` bytes of files need, so that one fits well.

    >>> bucket_count(10**6, 10**9), bucket_count(10**11, 10**9)
    (1, 120)
    """
    return max(1, min(4096, -int(-size * _SHARE * 8 // max(memory, 1))))


def split_by_group(table: Any, buckets: int) -> Iterator[tuple[int, Any]]:
    """(bucket, its rows in their order) of a table with the column `group`."""
    if buckets == 1 or not table.num_rows:
        yield 0, table
        return
    bucket = table["group"].to_numpy() % buckets
    order = np.argsort(bucket, kind="stable")
    found, starts = np.unique(bucket[order], return_index=True)
    ends = [*starts[1:].tolist(), len(order)]
    for number, start, end in zip(found.tolist(), starts.tolist(), ends, strict=True):
        yield number, table.take(order[start:end])


def checked_groups(table: Any, place: Place, skip_bad: bool) -> tuple[Any, list[str]]:
    """The rows of a bucket without doubled trajectories, and a sentence on each of those.

    A group that has the same `id` twice is refused: the copy would count in its own baseline. With
    `skip_bad` the first one stays. Two groups whose ids collide are refused.
    """
    group, check = table["group"].to_numpy(), table["check"].to_numpy()
    order = np.lexsort((check, group))
    same = group[order][1:] == group[order][:-1]
    if (same & (check[order][1:] != check[order][:-1])).any():
        raise ContractError("credit: `group` must be free of hash collisions, got two equal ids.")
    name = table["name"].to_numpy()
    order = np.lexsort((name, group))  # stable: the first of equal rows stays first
    doubled = (group[order][1:] == group[order][:-1]) & (name[order][1:] == name[order][:-1])
    doubled &= name[order][1:] >= 0
    if not doubled.any():
        return table, []
    file, number = table["file"].to_numpy(), table["place"].to_numpy()
    seconds = np.sort(order[1:][doubled])
    first = {int(b): int(a) for a, b in zip(order[:-1][doubled], order[1:][doubled], strict=True)}
    sentences: list[str] = []
    for row in seconds.tolist():
        other = first[row]
        sentences.append(
            "rollouts: `id` must be another one in each trajectory of a group, got the same in "
            f"{place(file[other], number[other])} and in {place(file[row], number[row])}."
        )
    if not skip_bad:
        raise ContractError(sentences[0])
    arrow, _, _ = arrow_modules()
    keep = np.ones(table.num_rows, dtype=bool)
    keep[seconds] = False
    return table.filter(arrow.array(keep)), sentences


def batches(group: Array, turn_count: Array, cells: int = _CELLS) -> list[Array]:
    """The rows of each batch, in their order; a batch holds whole groups.

    The padded turns of a batch are at most `cells`, unless one group alone has more.

    >>> batches(np.array([7, 8, 7, 9]), np.array([2, 1, 3, 4]), cells=8)
    [array([0, 2]), array([1, 3])]
    """
    width = int(turn_count.max(initial=1))
    if len(group) * width <= cells:
        return [np.arange(len(group))]
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], group[order][1:] != group[order][:-1]]))
    sizes = np.diff([*starts.tolist(), len(order)])
    widest = np.maximum.reduceat(turn_count[order], starts)
    found: list[Array] = []
    members: list[Array] = []
    rows = wide = 0
    listed: Sequence[tuple[int, int, int]] = list(
        zip(starts.tolist(), sizes.tolist(), widest.tolist(), strict=True)
    )
    for start, size, own in listed:
        if members and (rows + size) * max(wide, own, 1) > cells:
            found.append(np.sort(np.concatenate(members)))
            members, rows, wide = [], 0, 0
        members.append(order[start : start + size])
        rows, wide = rows + size, max(wide, own)
    return [*found, np.sort(np.concatenate(members))]
