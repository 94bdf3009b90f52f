"""Formats that are converted in pieces: what a piece gives, and what it says about all rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from creditlib.rollouts.schema import unread_note
from creditlib.rollouts.storage import Location
from creditlib.vocabulary.messages import ContractError

__all__ = [
    "Piece",
    "PieceFacts",
    "Pieces",
    "check_one_key",
    "key_counts",
    "merge_piece_facts",
    "unread_of",
]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class PieceFacts:
    """What the rows of a piece say about all rows; `merge_piece_facts` adds them up.

    used: the key under which each meaning lies, and the first place that has it. turns: their
    number. lacking: of each key that a turn may have, how many turns lack it. rewards: the names of
    the rewards of trajectories. keys: of each key of a row, how many rows have a value. counts:
    what else a format counts for its notes.
    """

    used: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    turns: int = 0
    lacking: Mapping[str, int] = field(default_factory=dict[str, int])
    rewards: frozenset[tuple[str, ...]] = frozenset()
    keys: Mapping[str, int] = field(default_factory=dict[str, int])
    counts: Mapping[str, int] = field(default_factory=dict[str, int])


class Piece(NamedTuple):
    """The trajectories of some rows, where each was read, and what they say about all rows."""

    trajectories: list[dict[str, Any]]
    places: list[str]
    facts: PieceFacts


def _nothing(
    files: Sequence[Location], rows: Iterable[tuple[str, Row]], options: Mapping[str, Any]
) -> Mapping[str, Any]:
    """No option that depends on all rows."""
    return {}


@dataclass(frozen=True)
class Pieces:
    """How a format is converted in pieces.

    convert: takes the rows of a piece, their places, and the options by name.
    notes: what was decided, from the facts of all pieces and the options by name.
    settle: takes the files, all rows with their places, one at a time, and the options; returns
        those that depend on all rows, which every piece is then converted with.
    together: rows that follow each other with an equal value stay in one piece, and in which no
        other part of the files may have that value; None: any rows are a piece.
    """

    convert: Callable[..., Piece]
    notes: Callable[..., Sequence[str]]
    settle: Callable[
        [Sequence[Location], Iterable[tuple[str, Row]], Mapping[str, Any]], Mapping[str, Any]
    ] = _nothing
    together: Callable[[Row], Hashable] | None = None


def merge_piece_facts(every: Iterable[PieceFacts]) -> PieceFacts:
    """The facts of all pieces, given in the order of the rows.

    A meaning that lies under two keys is refused.

    >>> one = PieceFacts(used={"outcome": ("reward", "x line 1")}, turns=2, lacking={"tokens": 1})
    >>> found = merge_piece_facts([one, PieceFacts(turns=3, lacking={"tokens": 3})])
    >>> found.used, found.turns, found.lacking
    ({'outcome': ('reward', 'x line 1')}, 5, {'tokens': 4})
    """
    used: dict[str, tuple[str, str]] = {}
    lacking: dict[str, int] = {}
    keys: dict[str, int] = {}
    counts: dict[str, int] = {}
    turns = 0
    rewards = frozenset[tuple[str, ...]]()
    for each in every:
        for meaning, (key, place) in each.used.items():
            check_one_key(meaning, used.setdefault(meaning, (key, place)), (key, place))
        for found, more in ((lacking, each.lacking), (keys, each.keys), (counts, each.counts)):
            for name, count in more.items():
                found[name] = found.get(name, 0) + count
        turns += each.turns
        rewards |= each.rewards
    return PieceFacts(used, turns, lacking, rewards, keys, counts)


def check_one_key(meaning: str, first: tuple[str, str], other: tuple[str, str]) -> None:
    """Refuse a meaning that lies under one key in one place and under another in another place."""
    if first[0] != other[0]:
        raise ContractError(
            f"rollouts: the {meaning} must lie under one key in all rows, got `{first[0]}` in "
            f"{first[1]} and `{other[0]}` in {other[1]}; name it by `keys={{{meaning!r}: KEY}}` or "
            f"`--key {meaning}=KEY`."
        )


def key_counts(rows: Sequence[Row]) -> dict[str, int]:
    """Of each key, in how many rows it has a value; null is no value.

    >>> key_counts([{"text": "go", "tool": 3}, {"tool": None}])
    {'text': 1, 'tool': 1}
    """
    found: dict[str, int] = {}
    for row in rows:
        for key, value in row.items():
            found[key] = found.get(key, 0) + (value is not None)
    return found


def unread_of(
    facts: PieceFacts, read: frozenset[str], known: frozenset[str] = frozenset()
) -> list[str]:
    """The sentence on keys of rows that nobody reads, if there are any.

    `known` are those that a near miss is compared with.

    >>> unread_of(PieceFacts(keys={"text": 2, "tool": 1}), frozenset({"text"}))
    ['unknown keys are not read: `tool` (1 row).']
    """
    unread = {key: count for key, count in facts.keys.items() if count and key not in read}
    note = unread_note([("row", unread)], {"row": known})
    return [note] if note else []
