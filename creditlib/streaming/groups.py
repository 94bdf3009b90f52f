"""Rows that come one by one, in any order, and leave as whole groups."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Generic, Literal, TypeVar, cast

import numpy as np
from torch import Tensor

from creditlib.vocabulary.messages import contract_error, describe_value

__all__ = ["Groups", "Short"]

Short = Literal["drop", "credit", "wait"]
_SHORT = ("drop", "credit", "wait")
Row = TypeVar("Row")


class Groups(Generic[Row]):
    """Groups whose rows finish at different times: `put` one row, get the rows of a whole group.

        put(key, row) = the rows of `key` in the order they came, when there are `size`; else []
        flush() = the groups that are left, as `short` says

    `key` names the draw of a prompt and is compared by value: (step, prompt) rather than the
    prompt, which comes again in the next step. A row is anything: an index, a dictionary, a tensor.
    If every group is complete, crediting the rows that `put` returns, group by group or several
    groups at once, gives the credit of one call on the whole batch, for every estimator that
    compares a row with its own group only.

    An object of this class is plain values: no thread, no clock, no lock. It can be pickled if the
    rows can.

    Options:
        size: how many rows a group has, at least 1.
        least: the smallest group that short="credit" returns; 2 by default, because a lone row is
            compared with nobody. 1 to `size`. Other policies do not read it.
        short: what `flush` does with a group that has fewer than `size` rows. "drop" (default)
            discards them. "credit" returns groups of at least `least` rows, so that those that
            finished are compared with each other, and discards smaller ones. "wait" keeps them all
            and returns nothing.

    Discarding is not neutral. A group is short because some member is slow, so "drop" removes the
    finished rows of groups with long rollouts, and "credit" removes the long rollouts themselves:
    what is left is shorter than what was started. `creditlib.completion_weight` weighs a turn by
    how much work of its kind was started for one that finished, and corrects the mean. "wait"
    discards nothing, but a group may then hold rows of several versions of the policy.

    Degenerate cases: with size=1 every row is returned at once. A row that comes after its group
    was returned or discarded opens a new group of that key. `flush` without open groups gives [].

    Errors: a ContractError if an option is out of range, or if a key cannot be compared by value (a
    tensor, a list, NaN).

    >>> groups = Groups(2)
    >>> groups.put("a", 1.0), groups.put("b", 0.0), groups.put("a", 0.0)
    ([], [], [1.0, 0.0])
    >>> groups
    Groups(size=2, least=2, short='drop', waiting=1, dropped=0)
    >>> groups.flush(), groups.dropped
    ([], 1)
    """

    def __init__(self, size: int, least: int = 2, short: Short = "drop") -> None:
        whole = "an integer of at least 1"
        if not _is_whole(size) or size < 1:
            raise contract_error("Groups", "size", whole, repr(size))
        least = size if size == 1 and least == 2 else least  # the default suits every size
        if not _is_whole(least) or not 1 <= least <= size:
            raise contract_error("Groups", "least", f"an integer of 1 to size {size}", repr(least))
        if short not in _SHORT:
            wanted = "one of " + ", ".join(map(repr, _SHORT))
            raise contract_error("Groups", "short", wanted, repr(short))
        self.size, self.least, self.short = int(size), int(least), short
        self._dropped = 0
        self._open: dict[Hashable, list[Row]] = {}

    @property
    def waiting(self) -> int:
        """How many rows wait for others of their group."""
        return sum(map(len, self._open.values()))

    @property
    def dropped(self) -> int:
        """How many rows were discarded so far."""
        return self._dropped

    def put(self, key: Hashable, row: Row) -> list[Row]:
        """The rows of the group in the order they came if this one completes it, else [].

        Args:
            key: the group: anything that `ids` takes.
            row: anything: it is kept until its group is complete.

        >>> groups = Groups(3)
        >>> [groups.put((7, "task"), row) for row in "abcd"]
        [[], [], ['a', 'b', 'c'], []]
        """
        _check_key(key, key)
        rows = self._open.setdefault(key, [])
        rows.append(row)
        if len(rows) < self.size:
            return []
        return self._open.pop(key)

    def flush(self) -> list[list[Row]]:
        """The short groups that the policy credits, in the order in which they were opened.

        >>> groups = Groups(3, short="credit")
        >>> put = [groups.put(key, row) for key, row in zip("aba", (1.0, 0.5, 0.0))]
        >>> groups.flush(), groups.dropped, groups.waiting
        ([[1.0, 0.0]], 1, 0)
        """
        if self.short == "wait":
            return []
        groups = list(self._open.values())
        self._open = {}
        enough = self.least if self.short == "credit" else self.size
        found = [rows for rows in groups if len(rows) >= enough]
        self._dropped += sum(len(rows) for rows in groups if len(rows) < enough)
        return found

    def __repr__(self) -> str:
        names = ("size", "least", "short", "waiting", "dropped")
        return f"Groups({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


def _is_whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _check_key(key: object, whole: object) -> None:
    """Refuse a key of which equal values are not equal keys."""
    if isinstance(key, (tuple, frozenset)):
        for part in cast("tuple[Any, ...]", key):
            _check_key(part, whole)
        return
    by_identity = isinstance(key, Tensor) or type(key).__hash__ in (object.__hash__, None)
    if by_identity or key != key:
        inside = "" if key is whole else f" inside a {type(whole).__name__}"
        fact = ("NaN" if not by_identity else describe_value(key)) + inside
        remedy = "call `.item()`" if isinstance(key, Tensor) else ""
        wanted = "a hashable value that is compared by value"
        raise contract_error("Groups.put", "key", wanted, fact, remedy)
