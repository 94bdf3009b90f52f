"""Parquet files as rows."""

from __future__ import annotations

import contextlib
import functools
from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.json_files import json_value
from creditlib.rollouts.packing import narrow_ids
from creditlib.rollouts.storage import Location, check_reached
from creditlib.rollouts.storage_reading import arrow_source
from creditlib.rollouts.values import Place, schema_error
from creditlib.vocabulary.messages import ContractError, error_line, one_line

__all__ = ["parquet_batches", "parquet_file", "parquet_rows", "rows_of_batch"]

Row = dict[str, Any]

_ROWS = 1024  # rows that are converted together, at most; only those are in memory twice
_BATCH = 2**22  # bytes that these rows take in the file, about
_BUFFER = 2**20  # bytes of a column that are read together; without it, all those of a row group
_FAR_BUFFER = 2**23  # the same for a store: each request takes its time
# What pyarrow raises for broken content, besides its own exceptions.
_BROKEN = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, OSError)


@contextlib.contextmanager
def parquet_file(path: Location) -> Generator[Any]:
    """A file whose row groups pyarrow reads, each with the columns that are asked for.

    Of a row group at an address, these columns are in memory, compressed: that takes few requests.
    """
    _, _, parquet = arrow_modules()
    if isinstance(path, Path):
        with parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            yield file
        return
    with path.open_native() as source, parquet.ParquetFile(source, pre_buffer=True) as file:
        yield file


def parquet_rows(path: Location, file: BinaryIO) -> Iterator[tuple[str, Row]]:
    """Every row of an open file, with the place that a message names.

    The rows are converted in batches, so that a file is not in memory twice.
    """
    first = 1
    for batch in parquet_batches(path, file):
        for number, row in enumerate(rows_of_batch(path, first, batch), start=first):
            yield f"{path} row {number}", row
        first += batch.num_rows


def rows_of_batch(path: Location, first: int, batch: Any) -> Iterator[Row]:
    """The rows of a batch of pyarrow; `first` is the number of the first one in a message.

    >>> import pyarrow
    >>> rows = [{"group": 1, "turns": [{"text": "56", "reward": None}]}]
    >>> batch = pyarrow.RecordBatch.from_pylist(rows)
    >>> list(rows_of_batch(Path("x.parquet"), 1, batch))
    [{'group': 1, 'turns': [{'text': '56'}]}]
    """
    names: list[str] = list(batch.schema.names)
    columns = [
        _column(path, first, name, column)
        for name, column in zip(names, batch.columns, strict=True)
    ]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def parquet_batches(path: Location, file: BinaryIO) -> Iterator[Any]:
    """The rows of a file as batches of pyarrow; a broken page is named with the file."""
    arrow, _, parquet = arrow_modules()
    try:
        opened, remote = arrow_source(file)
        buffer = _FAR_BUFFER if remote else _BUFFER
        source: Any = parquet.ParquetFile(opened, buffer_size=buffer, pre_buffer=False)
        _check_distinct(source.schema_arrow.names, str(path))
        yield from source.iter_batches(batch_size=_batch_rows(source.metadata))
    except ContractError:
        raise
    except (arrow.ArrowException, *_BROKEN) as error:
        check_reached(path, error)
        fact = one_line(str(error).partition("\n")[0]).rstrip(".") or type(error).__name__
        raise ContractError(f"rollouts: {path} must be a readable Parquet file: {fact}.") from None


def _batch_rows(metadata: Any) -> int:
    """How many rows to read together: fewer where they are long."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    size = sum(group.total_byte_size for group in groups)
    return max(1, min(_ROWS, _BATCH * metadata.num_rows // max(1, size)))


def _check_distinct(names: Sequence[str], place: str) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ContractError(
            f"rollouts: a table must have each key once, got `{twice}` twice in {place}; leave one "
            "of them out."
        )


def _column(path: Location, first: int, name: str, column: Any) -> list[Any]:
    """The values of a column; `first` is the number of its first row."""
    arrow, _, _ = arrow_modules()
    errors = (arrow.ArrowException, *_BROKEN)
    try:
        return _turns(column, path, first) if name == "turns" else column.to_pylist()
    except ContractError:
        raise
    except errors as error:
        cause, row = error, first
        for index in range(len(column)):
            try:
                column.slice(index, 1).to_pylist()
            except errors as own:
                cause, row = own, first + index
                break
        raise ContractError(
            f"rollouts: `{name}` must be values that Python can hold, got {_fact(cause)} in {path} "
            f"row {row}."
        ) from None


def _fact(error: BaseException) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"the byte 0x{error.object[error.start]:02x} in a text that is not UTF-8"
    return error_line(error)


def _turns(column: Any, path: Location, first: int) -> list[Any]:
    """The turns of every trajectory without null keys; token lists are views of one array.

    Parquet stores an absent key as null. Tokens are the bulk of a file: turning them into Python
    integers would cost more than everything else.
    """
    arrow, compute, _ = arrow_modules()
    kind = column.type
    if not (arrow.types.is_list(kind) or arrow.types.is_large_list(kind)):
        return cast(list[Any], column.to_pylist())
    if not arrow.types.is_struct(kind.value_type):
        return cast(list[Any], column.to_pylist())
    _check_distinct([field.name for field in kind.value_type], f"{path} `turns`")
    flat = compute.list_flatten(column)
    sizes: list[int | None] = compute.list_value_length(column).to_pylist()
    turns: list[Any] = [{} for _ in range(len(flat))]
    for field in kind.value_type:
        values = _values(compute.struct_field(flat, field.name))
        name: str = field.name
        if name == "observation_json":
            name, values = "observation", _observations(values, path, first, sizes)
        for turn, value in zip(turns, values, strict=True):
            if value is not None:
                turn[name] = value
    if flat.null_count:  # a turn that is null is not a turn without keys
        present = flat.is_valid().to_pylist()
        turns = [turn if there else None for turn, there in zip(turns, present, strict=True)]
    found: list[Any] = []
    start = 0
    for size in sizes:
        found.append(None if size is None else turns[start : start + size])
        start += size or 0
    return found


def _observations(
    texts: Sequence[Any], path: Location, first: int, sizes: Sequence[int | None]
) -> list[Any]:
    """The observations that are stored as JSON text."""

    def place(index: int) -> str:
        ends = list(accumulate(size or 0 for size in sizes))
        row = bisect_right(ends, index)
        return f"{path} row {first + row} turn {index - (ends[row] - (sizes[row] or 0))}"

    return [
        None if text is None else _observation(text, functools.partial(place, index))
        for index, text in enumerate(texts)
    ]


def _observation(text: Any, place: Place) -> Any:
    wanted = "the text of a JSON value"
    try:
        return json_value(text)
    except RecursionError:
        raise schema_error("observation_json", f"{wanted} of moderate depth", text, place) from None
    except (TypeError, ValueError):
        raise schema_error("observation_json", wanted, text, place) from None


def _values(array: Any) -> list[Any]:
    """Python values, except that lists of integers become numpy arrays."""
    arrow, compute, _ = arrow_modules()
    kind = array.type
    listed = arrow.types.is_list(kind) or arrow.types.is_large_list(kind)
    if not (listed and arrow.types.is_integer(kind.value_type)):
        return cast(list[Any], array.to_pylist())
    whole = compute.list_flatten(array)  # of a slice, only what is its own
    if whole.null_count:
        return cast(list[Any], array.to_pylist())
    numbers = narrow_ids(cast("np.ndarray[Any, Any]", whole.to_numpy(zero_copy_only=False)))
    found: list[Any] = []
    start = 0
    for size in compute.list_value_length(array).to_pylist():
        found.append(None if size is None else numbers[start : start + size])
        start += size or 0
    return found
