"""Read and write the rows of JSON and Parquet files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.disk import opened_once, replaced
from creditlib.rollouts.json_files import json_rows
from creditlib.rollouts.parquet_files import parquet_rows
from creditlib.rollouts.storage import Location
from creditlib.vocabulary.messages import ContractError, one_line

__all__ = ["read_records", "write_json_lines", "write_parquet"]

Row = dict[str, Any]


def read_records(path: Location) -> Iterator[tuple[str, Row]]:
    """Every row of a file with the place a message names, such as 'run/1.jsonl line 3'.

    The first four bytes tell Parquet from JSON; the name of the file does not matter. A file is
    opened once, so that a pipe loses nothing.
    """
    with opened_once(path) as file:
        parquet = file.read(4) == b"PAR1"
        file.seek(0)
        yield from parquet_rows(path, file) if parquet else json_rows(path, file)


def _plain(value: object) -> object:
    """Arrays, tensors and numpy numbers as Python values, which json can write."""
    if isinstance(value, (np.ndarray, np.generic, torch.Tensor)):
        return cast("Any", value).tolist()
    raise TypeError(type(value).__name__)


def write_json_lines(path: Location, trajectories: Sequence[Mapping[str, Any]]) -> None:
    """One trajectory per line."""
    lines = [_line(number, dict(row)) for number, row in enumerate(trajectories, start=1)]
    with replaced(path) as file:
        file.writelines(lines)


def _line(number: int, trajectory: Row) -> bytes:
    """A trajectory as a line of JSON in UTF-8."""
    text = "text that is JSON in UTF-8"
    try:
        line = json.dumps(trajectory, ensure_ascii=False, default=_plain, allow_nan=False)
        return (line + "\n").encode()
    except UnicodeEncodeError as error:
        fact = f"the lone surrogate {error.object[error.start]!r} in trajectory {number}"
        remedy = "replace it, such as by `text.encode(errors='replace').decode()`"
        raise ContractError(
            f"write: `trajectories` must be {text}, got {fact}; {remedy}."
        ) from None
    except ValueError:
        fact = f"a number that is not finite in trajectory {number}"
        raise ContractError(
            f"write: `trajectories` must be {text}, got {fact}; write None where there is no value."
        ) from None


def write_parquet(path: Location, trajectories: Sequence[Mapping[str, Any]]) -> None:
    """One trajectory per row; observations that are not text go to `observation_json`.

    A Parquet column has one type, while an observation is any JSON value.
    """
    arrow, _, parquet = arrow_modules()
    turns = [turn for trajectory in trajectories for turn in trajectory["turns"]]
    text = all(isinstance(turn.get("observation", ""), (str, type(None))) for turn in turns)
    rows = [
        {**row, "turns": [_column_turn(turn, as_json=not text) for turn in row["turns"]]}
        for row in trajectories
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    try:
        table = arrow.table({name: [row.get(name) for row in rows] for name in names})
        with replaced(path) as file:
            parquet.write_table(table, file)
    except UnicodeEncodeError as error:
        fact = f"the lone surrogate {error.object[error.start]!r}"
        remedy = "replace it, such as by `text.encode(errors='replace').decode()`"
        raise ContractError(
            f"write: `trajectories` must be text in UTF-8, got {fact}; {remedy}."
        ) from None
    except (arrow.ArrowException, OverflowError, TypeError) as error:
        parts = [turn for row in rows for turn in row["turns"]]
        whole = [{key: value for key, value in row.items() if key != "turns"} for row in rows]
        fact = (
            _mixed_key(whole)
            or _mixed_key(parts)
            or f"every key must have one type in Parquet, got {one_line(error)}"
        )
        raise ContractError(f"write: {fact}.") from None


def _mixed_key(rows: Sequence[Row]) -> str:
    """Why the values of the first mixed key form no column; '' if every key forms one."""
    arrow, _, _ = arrow_modules()
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row[name] for row in rows if row.get(name) is not None]
        try:
            arrow.array(values)
        except (arrow.ArrowException, OverflowError, TypeError) as cause:
            kinds = list(dict.fromkeys(type(value).__name__ for value in values))
            fact = " and ".join(kinds) if len(kinds) > 1 else f"{kinds[0]} ({one_line(cause)})"
            return f"`{name}` must have one type in Parquet, got {fact}"
    return ""


def _column_turn(turn: Mapping[str, Any], *, as_json: bool) -> Row:
    """A turn with at least one key: Parquet has no objects without any."""
    found: Row = {"text": None, **turn}
    if isinstance(found.get("tokens"), (tuple, torch.Tensor)):  # Parquet takes lists and arrays
        found["tokens"] = np.asarray(found["tokens"])
    if isinstance(found.get("tokens"), np.ndarray):  # a column has one type
        found["tokens"] = found["tokens"].astype(np.int64)
    if as_json and found.pop("observation", None) is not None:
        found["observation_json"] = json.dumps(turn["observation"], ensure_ascii=False)
    return found
