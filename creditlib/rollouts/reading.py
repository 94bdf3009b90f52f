"""Read a file, or a folder of files, into tensors; write trajectories to a file."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from creditlib.rollouts.column_reading import read_columns
from creditlib.rollouts.disk import STANDARD_INPUT
from creditlib.rollouts.files import read_records, write_json_lines, write_parquet
from creditlib.rollouts.formats import AUTO, detect_format, find_format
from creditlib.rollouts.packing import Packer
from creditlib.rollouts.paths import SUFFIXES, files_of_path
from creditlib.rollouts.rollout_format import Converted, RolloutFormat, Row, check_keys
from creditlib.rollouts.row_errors import named_place
from creditlib.rollouts.storage import Location, location, looked_up
from creditlib.rollouts.trajectories import Rollouts, from_trajectories
from creditlib.vocabulary.messages import ContractError, contract_error

__all__ = ["read", "write"]


def read(
    path: str | Path | Sequence[str | Path],
    *,
    format: str | RolloutFormat = AUTO,
    similarity: float | None = None,
    **options: Any,
) -> Rollouts:
    """Trajectories of JSON or Parquet files.

    A folder stands for its `*.json`, `*.jsonl` and `*.parquet` files, in the order of the numbers
    in their names. JSON is one object a line, one array of objects, or one object; it may be
    compressed by gzip or Zstandard (`.gz`, `.zst`). A sentence on a broken file names the line or
    the item.

    Parquet files of creditlib's own schema are read as columns: they are in memory, compressed, and
    a trajectory becomes a dictionary whenever it is asked for. Where a column has a form that must
    be looked at value by value, such as an observation that is a list, all rows become
    dictionaries.

    Args:
        path: a file, a folder, a pattern such as "runs/**/*.jsonl" (`**` is any number of folders),
            "-" for standard input, the address of a file, a folder or a pattern, such as
            "s3://bucket/runs/" (`docs/offline.md`, "Addresses"), or a list of these; each file is
            read once, in this order.
        format: the schema of the rows: a name of `FORMATS`, a `RolloutFormat` of your own or its
            import path "package.module:NAME"; "auto" compares the keys of the first row.
        similarity: observations of a group that are at least this similar share an anchor, see
            `anchor_ids`; None asks for equality.
        options: what a format takes besides. TRL: `reward_weights`, the reward columns to sum and
            their weights; by default every float column, each with weight 1. Chats, ATIF, NeMo Gym,
            Inspect and verifiers' results: `keys`, the names of keys, such as {"group": "task_id",
            "outcome": "reward", "messages": "traj"}; a dot leads into an object.

    Errors: a ContractError of one sentence that names the file and, where there is one, the row. A
    file that cannot be opened is an OSError.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "rollouts.jsonl"
    >>> write(file, [{"group": "7*8", "outcome": 1.0, "turns": [{"text": "56"}]}])
    >>> read(file).tensors["reward"]
    tensor([1.])
    """
    asked = find_format(format)
    given = [path] if isinstance(path, (str, Path)) else list(path)
    files = _files(given, asked)
    if all(value is None for value in options.values()):
        columns = read_columns(files, asked, similarity)
        if columns is not None:
            return columns
    rows, places, formats, empty = _rows_of(files, asked, options.get("keys") is not None)
    named = f"{given[0]} and {len(given) - 1} more" if len(given) > 1 else str(given[0])
    if not rows:
        raise ContractError(
            f"rollouts: {named} must hold at least one trajectory, got {_nothing(given, empty)}."
        )
    if len(formats) > 1:
        got = " and ".join(formats)
        raise ContractError(f"rollouts: {named} must hold files of one format, got {got}.")
    known = next(iter(formats.values()))
    converted = _convert(known, rows, places, options)
    del rows, places  # what was converted is not kept with what it was made of
    notes = (*converted.notes, *(f"{file} has no rows." for file in empty))

    def tensors(rows: Sequence[Row], places: Sequence[str]) -> Rollouts:
        return from_trajectories(rows, similarity=similarity, places=places, notes=notes)

    found = named_place(tensors, converted.trajectories, converted.places)
    return dataclasses.replace(found, format=known.name, sources=known.sources)


def _files(given: Sequence[str | Path], asked: RolloutFormat | None) -> list[Location]:
    """The files of all paths, each once."""
    found: list[Location] = []
    for each, place in zip(given, looked_up(map(location, given)), strict=True):
        files, _ = files_of_path("read", "path", place, asked)
        if not files and len(given) > 1:  # one of several paths is a mistake
            raise ContractError(
                f"rollouts: {each} must hold at least one trajectory, got {_nothing([each], [])}."
            )
        found += files
    if not given:
        raise contract_error("read", "path", "at least one path", "none")
    return list(dict.fromkeys(found))


def _rows_of(
    files: Sequence[Location], asked: RolloutFormat | None, keyed: bool
) -> tuple[list[Row], list[str], dict[str, RolloutFormat], list[Location]]:
    """The rows of all files, their places, the formats found, and the files without rows."""
    rows: list[Row] = []
    places: list[str] = []
    formats: dict[str, RolloutFormat] = {}
    empty: list[Location] = []
    packer = Packer()
    for file in files:
        first = len(rows)
        for place, row in read_records(file):
            packer.pack(row)
            rows.append(row)
            places.append(place)
        if len(rows) == first:
            empty.append(file)
        else:
            found = detect_format(rows[first], file, keyed=keyed) if asked is None else asked
            formats[found.name] = found
    return rows, places, formats, empty


def _nothing(given: Sequence[str | Path], empty: Sequence[Location]) -> str:
    """What paths without any trajectory are."""
    if len(given) == 1 and location(given[0]).is_dir():
        listed = " or ".join(SUFFIXES)
        return "empty files only" if empty else f"a folder without {listed} files"
    if not empty:
        return "a pattern that no file matches"
    if len(empty) > 1:
        return "empty files only"
    empty_file = empty[0] != STANDARD_INPUT and not empty[0].stat().st_size
    return "an empty file" if empty_file else "a file without rows"


def _convert(
    format: RolloutFormat, rows: list[Row], places: list[str], options: Mapping[str, Any]
) -> Converted:
    """Rows as trajectories of creditlib's own schema; an option of None is left out."""
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name not in format.options:
            raise ContractError(
                f"read: `{name}` must be left out for the format {format.name}, got {value!r}."
            )
    check_keys(rows, places, format.keys)
    return named_place(functools.partial(format.convert, **given), rows, places)


def write(path: str | Path, trajectories: Sequence[Mapping[str, Any]]) -> None:
    """Write trajectories of the schema of `docs/rollouts.md` to a .jsonl or .parquet file.

    Every trajectory is checked before the file is written, so `read` can read the file. An outcome
    is written as a number or null.

    Args:
        path: the file to write, *.jsonl or *.parquet.
        trajectories: dictionaries in the schema.
    """
    place = location(path)
    writers = {".jsonl": write_json_lines, ".parquet": write_parquet}
    if place.suffix not in writers:
        raise ContractError(f"write: `path` must end in .jsonl or .parquet, got {str(path)!r}.")
    writers[place.suffix](place, from_trajectories(trajectories).trajectories)
