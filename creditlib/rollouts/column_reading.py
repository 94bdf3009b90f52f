"""Parquet files of creditlib's own schema as columns: no row becomes a dictionary unasked."""

from __future__ import annotations

from collections.abc import Sequence

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.arrow_values import UnknownFormError
from creditlib.rollouts.column_rows import ColumnRows, HeldBatch, RowPlaces, held
from creditlib.rollouts.column_tensors import ColumnTensors
from creditlib.rollouts.creditlib_schema import CREDITLIB
from creditlib.rollouts.parquet_files import parquet_batches
from creditlib.rollouts.rollout_format import RolloutFormat
from creditlib.rollouts.schema import TRAJECTORY_KEYS, TURN_KEYS, unread_note
from creditlib.rollouts.storage import Location
from creditlib.rollouts.trajectories import Rollouts
from creditlib.vocabulary.messages import ContractError

__all__ = ["read_columns"]

_UNKNOWN = (UnknownFormError, ContractError, ValueError, TypeError, LookupError, ArithmeticError)


def read_columns(
    files: Sequence[Location], asked: RolloutFormat | None, similarity: float | None
) -> Rollouts | None:
    """The rollouts of Parquet files in creditlib's own schema, None for any other files.

    None also says that a value must be looked at by itself: the caller then reads row by row, which
    takes it, or refuses it with its place. The tensors are the same in both ways.
    """
    if asked not in (None, CREDITLIB) or not all(_is_parquet(file) for file in files):
        return None
    arrow, _, _ = arrow_modules()
    try:
        return _read(files, asked, similarity)
    except (arrow.ArrowException, RecursionError, OSError, *_UNKNOWN):
        return None


def _is_parquet(path: Location) -> bool:
    """Whether a file begins as Parquet; a pipe is not looked at, for that would empty it."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _read(
    files: Sequence[Location], asked: RolloutFormat | None, similarity: float | None
) -> Rollouts | None:
    arrow, _, _ = arrow_modules()
    found = ColumnTensors(similarity)
    batches: list[HeldBatch] = []
    empty: list[Location] = []
    for path in files:
        first = 1
        with path.open("rb") as file:
            for batch in parquet_batches(path, file):
                if asked is None and not CREDITLIB.keys <= set(batch.schema.names):
                    return None
                batch.validate(full=True)
                batches.append(held(path, first, found.add(batch)))
                first += batch.num_rows
                arrow.default_memory_pool().release_unused()
        if first == 1:
            empty.append(path)
    if not batches:
        return None
    tensors = found.tensors()
    unread = found.unread()
    known = {"trajectory": TRAJECTORY_KEYS, "turn": TURN_KEYS}
    note = unread_note(list(unread.items()), known)
    notes = (*(f"{path} has no rows." for path in empty), note)
    return Rollouts(
        tensors,
        ColumnRows(batches, found.groups),
        RowPlaces(batches),
        tuple(each for each in notes if each),
        tuple(key for counts in unread.values() for key in counts),
        CREDITLIB.name,
        CREDITLIB.sources,
    )
