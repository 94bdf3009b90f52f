"""One call from a file, or a folder of files, to tensors; and the way back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from creditlib.contract import ContractError
from creditlib.rollouts import trl, verl
from creditlib.rollouts.files import read_rows, write_json_lines, write_parquet
from creditlib.rollouts.trajectories import Rollouts, from_trajectories

__all__ = ["Format", "read", "write"]

Format: TypeAlias = Literal["auto", "creditlib", "verl", "trl"]


def read(
    path: str | Path,
    *,
    format: Format = "auto",
    similarity: float | None = None,
    reward_weights: Mapping[str, float] | None = None,
) -> Rollouts:
    """Trajectories of a JSON Lines or Parquet file, or of a folder's `*.jsonl` and `*.parquet`.

    Options:
        format: whose schema the rows have; "auto" tells by the keys of the first row.
        similarity: observations of a group that are at least this similar share an anchor, see
            `anchor_ids`; None asks for equality.
        reward_weights: TRL only, the reward columns to sum and their weights; by default every
            float column, each with weight 1.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "rollouts.jsonl"
    >>> write(file, [{"group": "7*8", "outcome": 1.0, "turns": [{"text": "56"}]}])
    >>> read(file).tensors["reward"]
    tensor([1.])
    """
    if format not in get_args(Format):
        choices = ", ".join(repr(choice) for choice in get_args(Format))
        raise ContractError(f"read: `format` must be one of {choices}, got {format!r}.")
    path = Path(path)
    rows: list[Mapping[str, Any]] = []
    places: list[str] = []
    formats: dict[str, None] = {}
    for file in _files(path):
        first = len(rows)
        for place, row in read_rows(file):
            rows.append(row)
            places.append(place)
        if len(rows) > first:
            formats[_format(rows[first], file) if format == "auto" else format] = None
    if not rows:
        raise ContractError(f"rollouts: {path} must hold at least one trajectory, got none.")
    if len(formats) > 1:
        got = " and ".join(formats)
        raise ContractError(f"rollouts: {path} must hold files of one format, got {got}.")
    found, places, notes = _convert(next(iter(formats)), rows, places, reward_weights)
    return from_trajectories(found, similarity=similarity, places=places, notes=tuple(notes))


def _convert(
    format: str,
    rows: Sequence[Mapping[str, Any]],
    places: list[str],
    weights: Mapping[str, float] | None,
) -> tuple[Sequence[Mapping[str, Any]], list[str], list[str]]:
    """Rows of any format as trajectories of our own schema."""
    if weights is not None and format != "trl":
        raise ContractError(
            f"read: `reward_weights` must be left out for the format {format}, got {weights!r}."
        )
    if format == "verl":
        return verl.from_verl(rows, places)
    if format == "trl":
        return trl.from_trl(rows, places, weights)
    return rows, places, []


def _files(path: Path) -> list[Path]:
    """The file itself, or the folder's files in the order of the numbers in their names."""
    if not path.is_dir():
        return [path]
    files = [file for file in path.iterdir() if file.suffix in (".jsonl", ".parquet")]
    return sorted(files, key=_by_number)


def _by_number(file: Path) -> list[tuple[int, str]]:
    """Splits '10.jsonl' into (10, ''), (0, '.jsonl'): step 10 comes after step 2."""
    parts = re.findall(r"\d+|\D+", file.name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _format(row: Mapping[str, Any], file: Path) -> str:
    if "turns" in row:
        return "creditlib"
    if row.keys() >= verl.KEYS:
        return "verl"
    if row.keys() >= trl.KEYS:
        return "trl"
    keys = ", ".join(f"`{key}`" for key in row)
    raise ContractError(
        f"rollouts: {file} must hold rows of the format creditlib, verl or trl, got the keys "
        f"{keys or 'of none'}."
    )


def write(path: str | Path, trajectories: Sequence[Mapping[str, Any]]) -> None:
    """Write trajectories of the schema of `docs/rollouts.md`, as the name ends: .jsonl or .parquet.

    They are checked first, so that what was written can be read.
    """
    path = Path(path)
    writers = {".jsonl": write_json_lines, ".parquet": write_parquet}
    if path.suffix not in writers:
        raise ContractError(f"write: `path` must end in .jsonl or .parquet, got {str(path)!r}.")
    from_trajectories(trajectories)
    writers[path.suffix](path, trajectories)
