"""Read and write the rows of JSON Lines and Parquet files; only this module imports pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from creditlib.vocabulary.install_hint import install_hint
from creditlib.vocabulary.messages import ContractError, one_line

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["is_parquet", "read_records", "write_json_lines", "write_parquet"]

Row = dict[str, Any]


def is_parquet(path: Path) -> bool:
    """Whether a file starts with the four bytes of every Parquet file; its name does not matter."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def read_records(path: Path) -> Iterator[tuple[str, Row]]:
    """Every row of a file with the place a message names, such as 'run/1.jsonl line 3'."""
    return _parquet_rows(path) if is_parquet(path) else _json_rows(path)


def _json_rows(path: Path) -> Iterator[tuple[str, Row]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            place = f"{path} line {number}"
            try:
                row = json.loads(line.decode("utf-8-sig"))
            except (ValueError, RecursionError):  # text that is not JSON, or nested too deeply
                raise _line_error(place, "text that is not JSON") from None
            if not isinstance(row, dict):
                raise _line_error(place, type(row).__name__)
            yield place, cast(Row, row)


def _line_error(place: str, fact: str) -> ContractError:
    return ContractError(f"rollouts: a line must be one JSON object, got {fact} in {place}.")


def _arrow() -> tuple[ModuleType, ModuleType, ModuleType]:
    """pyarrow, its compute functions and its Parquet reader; only Parquet files import them."""
    try:
        import pyarrow  # pyright: ignore[reportMissingTypeStubs]
        import pyarrow.compute  # pyright: ignore[reportMissingTypeStubs]
        import pyarrow.parquet  # pyright: ignore[reportMissingTypeStubs]
    except ModuleNotFoundError:
        hint = install_hint("parquet")
        raise ContractError(f"rollouts: Parquet files need pyarrow: {hint}.") from None
    return pyarrow, pyarrow.compute, pyarrow.parquet


def _parquet_rows(path: Path) -> Iterator[tuple[str, Row]]:
    arrow, _, parquet = _arrow()
    try:
        table: Any = parquet.ParquetFile(path).read()
    except arrow.ArrowException as error:
        fact = str(error).splitlines()[0].rstrip(".")
        raise ContractError(f"rollouts: {path} must be a readable Parquet file: {fact}.") from None
    columns: dict[str, list[Any]] = {}
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        columns[name] = _turns(column) if name == "turns" else column.to_pylist()
    names = list(columns)
    for number, values in enumerate(zip(*columns.values(), strict=True), start=1):
        yield f"{path} row {number}", dict(zip(names, values, strict=True))


def _turns(column: Any) -> list[Any]:
    """The turns of every trajectory without null keys; token lists are views of one array.

    Parquet stores an absent key as null. Tokens are the bulk of a file: turning them into Python
    integers would cost more than everything else.
    """
    arrow, compute, _ = _arrow()
    kind = column.type
    if not (arrow.types.is_list(kind) or arrow.types.is_large_list(kind)):
        return cast(list[Any], column.to_pylist())
    if not arrow.types.is_struct(kind.value_type):
        return cast(list[Any], column.to_pylist())
    flat = compute.list_flatten(column)
    turns: list[Row] = [{} for _ in range(len(flat))]
    for field in kind.value_type:
        values = _values(compute.struct_field(flat, field.name))
        coded = field.name == "observation_json"
        for turn, value in zip(turns, values, strict=True):
            if value is not None:
                turn["observation" if coded else field.name] = json.loads(value) if coded else value
    found: list[Any] = []
    start = 0
    for size in compute.list_value_length(column).to_pylist():
        found.append(None if size is None else turns[start : start + size])
        start += size or 0
    return found


def _values(array: Any) -> list[Any]:
    """Python values, except that lists of integers stay numpy arrays."""
    arrow, _, _ = _arrow()
    kind = array.type
    listed = arrow.types.is_list(kind) or arrow.types.is_large_list(kind)
    if not (listed and arrow.types.is_integer(kind.value_type)):
        return cast(list[Any], array.to_pylist())
    numbers = cast("np.ndarray[Any, Any]", array.values.to_numpy(zero_copy_only=False))
    ends = array.offsets.to_pylist()
    present = array.is_valid().to_pylist()
    spans = zip(ends[:-1], ends[1:], present, strict=True)
    return [numbers[low:high] if there else None for low, high, there in spans]


def _plain(value: object) -> object:
    """numpy arrays and numbers as Python values, which json can write."""
    if isinstance(value, (np.ndarray, np.generic)):
        return cast("Any", value).tolist()
    raise TypeError(type(value).__name__)


def write_json_lines(path: Path, trajectories: Sequence[Mapping[str, Any]]) -> None:
    """One trajectory per line."""
    lines = [
        json.dumps(dict(trajectory), ensure_ascii=False, default=_plain) + "\n"
        for trajectory in trajectories
    ]
    path.write_text("".join(lines), encoding="utf-8")


def write_parquet(path: Path, trajectories: Sequence[Mapping[str, Any]]) -> None:
    """One trajectory per row; observations that are not text go to `observation_json`.

    A Parquet column has one type, while an observation is any JSON value.
    """
    arrow, _, parquet = _arrow()
    turns = [turn for trajectory in trajectories for turn in trajectory["turns"]]
    text = all(isinstance(turn.get("observation", ""), (str, type(None))) for turn in turns)
    rows = [
        {**row, "turns": [_column_turn(turn, as_json=not text) for turn in row["turns"]]}
        for row in trajectories
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    try:
        table = arrow.table({name: [row.get(name) for row in rows] for name in names})
        parquet.write_table(table, path)
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
    arrow, _, _ = _arrow()
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
    if as_json and found.pop("observation", None) is not None:
        found["observation_json"] = json.dumps(turn["observation"], ensure_ascii=False)
    return found
