"""Tables by key: in memory below a budget, else in temporary Parquet files that others can read."""

from __future__ import annotations

import tempfile
from collections.abc import Hashable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from creditlib.rollouts.arrow import arrow_modules

__all__ = ["Spilled", "Store", "loaded"]


class Spilled(NamedTuple):
    """A table in a temporary file: a row group of a Parquet file, and the names of its columns."""

    path: str
    group: int
    names: list[str]


def loaded(pieces: Iterable[Any]) -> list[Any]:
    """Tables, of which some may lie in temporary files of a store that is open in some process.

    >>> loaded([])
    []
    """
    _, _, parquet = arrow_modules()
    found: list[Any] = []
    for piece in pieces:
        if isinstance(piece, Spilled):
            with parquet.ParquetFile(piece.path) as file:
                found.append(file.read_row_group(piece.group).select(piece.names))
        else:
            found.append(piece)
    return found


class Store:
    """Tables by key: `put` appends, `lend` gives them in order and forgets them.

    Above the budget all tables go to one new temporary Parquet file, with a row group for each key.
    The tables of a key that went there together come back as one; their rows are those that were
    put, in that order, with null where a table lacks a column of another.

    Options:
        budget: bytes in memory above which tables are written to disk.
        folder: where the temporary files lie; None takes the system's folder for them.

    >>> import pyarrow
    >>> with Store(budget=0) as store:
    ...     store.put("a", pyarrow.table({"x": [1]}))
    ...     store.put("a", pyarrow.table({"x": [2]}))
    ...     store.spilled, [table["x"].to_pylist() for table in loaded(store.lend("a"))]
    (2, [[1], [2]])
    """

    def __init__(self, budget: int, folder: str | Path | None = None) -> None:
        self.spilled = 0  # files that were written
        self._budget, self._parent = budget, folder
        self._memory: dict[Hashable, list[Any]] = {}
        self._bytes = 0
        self._disk: dict[Hashable, list[Spilled]] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything and remove the temporary files."""
        self._memory.clear()
        self._disk.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def put(self, key: Hashable, table: Any) -> None:
        """Append a table to the list of a key."""
        if not table.num_rows:
            return
        self._memory.setdefault(key, []).append(table)
        self._bytes += table.nbytes
        if self._bytes > self._budget:
            self._spill()

    def lend(self, key: Hashable) -> list[Any]:
        """What `loaded` takes, in the order in which it was put; the store forgets it.

        Temporary files stay until `close`.
        """
        found = self._disk.pop(key, [])
        last = self._memory.pop(key, [])
        self._bytes -= sum(table.nbytes for table in last)
        return found + last

    def used(self) -> set[Hashable]:
        """The keys that have a table."""
        return self._memory.keys() | self._disk.keys()

    def _path(self, number: int) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="creditlib-", dir=self._parent)
        return Path(self._folder.name) / f"{number}.parquet"

    def _spill(self) -> None:
        """Write one row group for each key; a file has the columns of all its tables."""
        arrow, _, parquet = arrow_modules()
        joined = {
            key: arrow.concat_tables(tables, promote_options="default")
            for key, tables in self._memory.items()
        }
        schema = arrow.unify_schemas([table.schema for table in joined.values()])
        path = self._path(self.spilled)
        with parquet.ParquetWriter(path, schema, compression="lz4") as writer:
            for group, (key, table) in enumerate(joined.items()):
                whole = arrow.concat_tables(
                    [schema.empty_table(), table], promote_options="default"
                )
                writer.write_table(whole, row_group_size=table.num_rows)
                spilled = Spilled(str(path), group, table.column_names)
                self._disk.setdefault(key, []).append(spilled)
        self.spilled += 1
        self._memory.clear()
        self._bytes = 0
