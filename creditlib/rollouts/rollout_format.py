"""What a format of rollout files is: a name, the keys of its rows, and how a row is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from creditlib.rollouts.pieces import Pieces
from creditlib.rollouts.storage import Location, location
from creditlib.rollouts.values import schema_error
from creditlib.vocabulary.messages import ContractError, nearest_name

__all__ = [
    "Converted",
    "RolloutFormat",
    "Row",
    "check_keys",
    "check_steps",
    "file_of",
    "in_one_piece",
    "row_place",
]

Row = Mapping[str, Any]


class Converted(NamedTuple):
    """Rows of a format as trajectories in creditlib's own schema.

    places: where each trajectory was read, such as 'run/1.jsonl line 3'.
    notes: what the conversion had to decide, one sentence each.
    """

    trajectories: Sequence[Row]
    places: Sequence[str]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class RolloutFormat:
    """A format of rollout files; `rollouts.read(path, format=...)` takes one of your own.

    name: how a user asks for the format.
    keys: a file has this format if its first row has all these keys; `read` then checks that every
        row has them.
    convert: takes the rows, the places where they were read, and the options by name.
    options: the options of `read` that `convert` takes.
    written_by: who writes such files, for the documentation.
    detect: whether a row has this format, where a set of keys cannot say it; `keys` are then the
        keys that every row must have besides.
    detected_by: what `detect` looks at, for the documentation.
    sources: tensor -> whose keys fill it, in words such as "the steps' `timestamp`"; None says that
        the keys of creditlib's own schema do.
    files: takes a folder, and returns the files to read of one that is laid out as the format's
        writer does it, none for any other folder.
    with_credit: takes a row, its place, credit per turn of each trajectory of the row in the order
        of `convert`, and the options by name; returns the row with that credit in the format's own
        field. None: the format has no such field.
    pieces: how rows are converted in pieces; None: `convert` needs all rows together.

    >>> def convert(rows, places):
    ...     turns = [[{"text": row["answer"]}] for row in rows]
    ...     found = [
    ...         {"group": row["question"], "outcome": row["correct"], "turns": turn}
    ...         for row, turn in zip(rows, turns, strict=True)
    ...     ]
    ...     return Converted(found, places)
    >>> quiz = RolloutFormat("quiz", frozenset({"question", "answer", "correct"}), convert)
    >>> quiz.matches({"question": "7*8", "answer": "56", "correct": 1.0, "seed": 3})
    True
    """

    name: str
    keys: frozenset[str]
    convert: Callable[..., Converted]
    options: tuple[str, ...] = ()
    written_by: str = ""
    detect: Callable[[Row], bool] | None = None
    detected_by: str = ""
    sources: Mapping[str, str] | None = None
    files: Callable[[Location], Sequence[Location]] | None = None
    with_credit: Callable[..., Row] | None = None
    pieces: Pieces | None = None

    def matches(self, row: Row) -> bool:
        """Whether a row has every key of the format, and what `detect` looks at."""
        return row.keys() >= self.keys and (self.detect is None or self.detect(row))


def in_one_piece(pieces: Pieces) -> Callable[..., Converted]:
    """The function that converts all rows of a format which is converted in pieces."""

    def convert(rows: Sequence[Row], places: Sequence[str], **options: Any) -> Converted:
        files = [file_of(place) for place in places]
        pairs = zip(places, rows, strict=True)
        told = {**options, **pieces.settle(files, pairs, options)}
        found = pieces.convert(rows, places, **told)
        return Converted(found.trajectories, found.places, pieces.notes(found.facts, **told))

    return convert


def file_of(place: str) -> Location:
    """The file of a place that a message names.

    >>> file_of("job/trial/agent/trajectory.json line 1").name
    'trajectory.json'
    """
    return location(re.sub(r" (?:line|item|row) \d+$", "", place))


def row_place(place: str) -> str:
    """The place of the row that a trajectory is a part of; where it is the row, its own place.

    >>> row_place("x.jsonl line 3 traces[1]"), row_place("x.jsonl line 3")
    ('x.jsonl line 3', 'x.jsonl line 3')
    """
    return re.sub(r" [a-z]+\[\d+\]$", "", place)


def check_keys(rows: Sequence[Row], places: Sequence[str], keys: frozenset[str]) -> None:
    """Raise a ContractError for the first row that lacks a key."""
    for row, place in zip(rows, places, strict=True):
        for key in sorted(keys):
            if key not in row:
                near = nearest_name(key, [other for other in row if other not in keys])
                end = f"; it has `{near}`" if near else ""
                raise ContractError(
                    f"rollouts: `{key}` must be in every row, got none in {place}{end}."
                )


def check_steps(rows: Sequence[Row], places: Sequence[str]) -> None:
    """Raise a ContractError for the first row whose `step` names no step."""
    for row, place in zip(rows, places, strict=True):
        if not isinstance(row["step"], (int, str, float)) or isinstance(row["step"], bool):
            raise schema_error("step", "a number or a text", row["step"], place)
