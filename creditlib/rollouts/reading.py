"""Read a file, or a folder of files, into tensors; write trajectories to a file."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from creditlib.rollouts.files import read_records, write_json_lines, write_parquet
from creditlib.rollouts.formats import AUTO, detect_format, find_format
from creditlib.rollouts.packing import Packer
from creditlib.rollouts.rollout_format import Converted, RolloutFormat, Row, check_keys
from creditlib.rollouts.row_errors import named_place
from creditlib.rollouts.trajectories import Rollouts, from_trajectories
from creditlib.vocabulary.messages import ContractError, contract_error

__all__ = ["read", "write"]

_SUFFIXES = (".json", ".jsonl", ".parquet")


def read(
    path: str | Path,
    *,
    format: str | RolloutFormat = AUTO,
    similarity: float | None = None,
    **options: Any,
) -> Rollouts:
    """Trajectories of a JSON or Parquet file, or of a folder's `*.json`, `*.jsonl` and `*.parquet`.

    JSON is one object a line, one array of objects, or one object. A sentence on a broken file
    names the line or the item.

    Options:
        format: the schema of the rows: a name of `FORMATS`, a `RolloutFormat` of your own or its
            import path "package.module:NAME"; "auto" compares the keys of the first row.
        similarity: observations of a group that are at least this similar share an anchor, see
            `anchor_ids`; None asks for equality.
        options: what a format takes besides. TRL: `reward_weights`, the reward columns to sum and
            their weights; by default every float column, each with weight 1.

    Errors: a ContractError of one sentence that names the file and, where there is one, the row. A
    file that cannot be opened is an OSError.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "rollouts.jsonl"
    >>> write(file, [{"group": "7*8", "outcome": 1.0, "turns": [{"text": "56"}]}])
    >>> read(file).tensors["reward"]
    tensor([1.])
    """
    asked = find_format(format)
    path = _as_path(path)
    rows, places, formats, empty = _rows_of(path, asked)
    if not rows:
        raise ContractError(
            f"rollouts: {path} must hold at least one trajectory, got {_nothing(path, empty)}."
        )
    if len(formats) > 1:
        got = " and ".join(formats)
        raise ContractError(f"rollouts: {path} must hold files of one format, got {got}.")
    converted = _convert(next(iter(formats.values())), rows, places, options)
    del rows, places  # what was converted is not kept with what it was made of
    notes = (*converted.notes, *(f"{file} has no rows." for file in empty))

    def tensors(rows: Sequence[Row], places: Sequence[str]) -> Rollouts:
        return from_trajectories(rows, similarity=similarity, places=places, notes=notes)

    return named_place(tensors, converted.trajectories, converted.places)


def _as_path(path: str | Path) -> Path:
    if "\0" in str(path):
        raise contract_error("read", "path", "the path of a file or a folder", repr(str(path)))
    return Path(path)


def _rows_of(
    path: Path, asked: RolloutFormat | None
) -> tuple[list[Row], list[str], dict[str, RolloutFormat], list[Path]]:
    """The rows of all files, their places, the formats found, and the files without rows."""
    rows: list[Row] = []
    places: list[str] = []
    formats: dict[str, RolloutFormat] = {}
    empty: list[Path] = []
    packer = Packer()
    for file in _files(path):
        first = len(rows)
        for place, row in read_records(file):
            packer.pack(row)
            rows.append(row)
            places.append(place)
        if len(rows) == first:
            empty.append(file)
        else:
            found = detect_format(rows[first], file) if asked is None else asked
            formats[found.name] = found
    return rows, places, formats, empty


def _nothing(path: Path, empty: Sequence[Path]) -> str:
    """What a path without any trajectory is."""
    if path.is_dir():
        return "empty files only" if empty else f"a folder without {' or '.join(_SUFFIXES)} files"
    return "a file without rows" if path.stat().st_size else "an empty file"


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


def _files(path: Path) -> list[Path]:
    """The file itself, or the files of a folder in the order of the numbers in their names."""
    if not path.is_dir():
        return [path]
    files = [file for file in path.iterdir() if file.suffix in _SUFFIXES]
    return sorted(files, key=_by_number)


def _by_number(file: Path) -> list[tuple[int, str]]:
    """Splits '10.jsonl' into (10, ''), (0, '.jsonl'): step 10 comes after step 2."""
    parts = re.findall(r"\d+|\D+", file.name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def write(path: str | Path, trajectories: Sequence[Mapping[str, Any]]) -> None:
    """Write trajectories of the schema of `docs/rollouts.md` to a .jsonl or .parquet file.

    Every trajectory is checked before the file is written, so `read` can read the file. An outcome
    is written as a number or null.
    """
    path = Path(path)
    writers = {".jsonl": write_json_lines, ".parquet": write_parquet}
    if path.suffix not in writers:
        raise ContractError(f"write: `path` must end in .jsonl or .parquet, got {str(path)!r}.")
    writers[path.suffix](path, from_trajectories(trajectories).trajectories)
