"""Trajectories held as Arrow columns: a row becomes a dictionary when it is asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Generic, NamedTuple, TypeVar, overload

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.normal_rows import normal_row
from creditlib.rollouts.parquet_files import rows_of_batch
from creditlib.rollouts.storage import Location

__all__ = ["ColumnRows", "HeldBatch", "RowPlaces", "held"]

Item = TypeVar("Item")


class HeldBatch(NamedTuple):
    """A batch of rows of a Parquet file in little memory.

    first: the number of its first row in a message. size: how many rows there are. data: the
    batch as a stream of Arrow, compressed by Zstandard where pyarrow has it.
    """

    path: Location
    first: int
    size: int
    data: bytes

    def place(self, index: int) -> str:
        """Where a message sends the reader for a row of the batch."""
        return f"{self.path} row {self.first + index}"

    def opened(self) -> Any:
        """The batch itself."""
        arrow, _, _ = arrow_modules()
        return arrow.ipc.open_stream(self.data).read_next_batch()

    def rows(self, batch: Any, start: int, count: int) -> Iterator[Mapping[str, Any]]:
        """Some rows of the opened batch as dictionaries."""
        found = rows_of_batch(self.path, self.first + start, batch.slice(start, count))
        for index, row in enumerate(found, start=start):
            yield normal_row(row, self.place(index))


def held(path: Location, first: int, batch: Any) -> HeldBatch:
    """A batch to be held; one buffer for each wastes less memory than one for each column.

    >>> import pyarrow
    >>> from pathlib import Path
    >>> each = held(Path("x.parquet"), 1, pyarrow.RecordBatch.from_pylist([{"group": 7}]))
    >>> each.opened().to_pylist()
    [{'group': 7}]
    """
    arrow, _, _ = arrow_modules()
    compression = "zstd" if arrow.Codec.is_available("zstd") else None
    options = arrow.ipc.IpcWriteOptions(compression=compression, use_threads=False)
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, batch.schema, options=options) as stream:
        stream.write_batch(batch)
    return HeldBatch(path, first, batch.num_rows, sink.getvalue().to_pybytes())


class _OfBatches(Sequence[Item], Generic[Item]):
    """A sequence with an item for each row of some batches; it equals any list of equal items."""

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __init__(self, batches: Sequence[HeldBatch]) -> None:
        self._batches = list(batches)
        self._ends = list(accumulate(each.size for each in self._batches))

    def _item(self, number: int, index: int) -> Item:
        """The item of a row of a batch, both by number."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            return [self[row] for row in range(len(self))[index]]
        row = range(len(self))[index]
        number = bisect_right(self._ends, row)
        return self._item(number, row - (self._ends[number] - self._batches[number].size))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, (str, bytes)):
            return NotImplemented
        same = zip(self, other, strict=False)
        return len(self) == len(other) and all(mine == theirs for mine, theirs in same)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self):,} rows)"


class ColumnRows(_OfBatches[Mapping[str, Any]]):
    """The trajectories of Parquet files in creditlib's schema; `groups` names the group of each.

    Each row is a new dictionary whenever it is asked for: a change of one changes no other. The
    batch that was opened last stays open, for the next row is mostly of the same one.
    """

    def __init__(self, batches: Sequence[HeldBatch], groups: Sequence[str | int]) -> None:
        super().__init__(batches)
        self.groups = groups
        self._open: tuple[int, Any] = (-1, None)

    @property
    def nbytes(self) -> int:
        """What the columns take in memory."""
        return sum(len(each.data) for each in self._batches)

    def _item(self, number: int, index: int) -> Mapping[str, Any]:
        opened, batch = self._open
        if opened != number:
            batch = self._batches[number].opened()
            self._open = number, batch
        return next(self._batches[number].rows(batch, index, 1))

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for each in self._batches:
            yield from each.rows(each.opened(), 0, each.size)


class RowPlaces(_OfBatches[str]):
    """Where each row was read, as text that is made when it is asked for."""

    def _item(self, number: int, index: int) -> str:
        return self._batches[number].place(index)
