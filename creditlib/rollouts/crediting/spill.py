"""Tables by key: in memory below a budget, else in temporary Parquet files."""

from __future__ import annotations

import tempfile
from collections.abc import Hashable
from pathlib import Path
from types import TracebackType
from typing import Any

from creditlib.rollouts.parquet_files import arrow_modules

__all__ = ["Store"]


class Store:
    """Tables by key: `put` appends, `take` returns them in order and forgets them.

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
    ...     store.spilled, [table["x"].to_pylist() for table in store.take("a")]
    (2, [[1], [2]])
    """

    def __init__(self, budget: int, folder: str | Path | None = None) -> None:
        self.spilled = 0  # files that were written
        self._budget, self._parent = budget, folder
        self._memory: dict[Hashable, list[Any]] = {}
        self._bytes = 0
        # Of each table: the number of its file, that of its row group, the names of its columns.
        self._disk: dict[Hashable, list[tuple[int, int, list[str]]]] = {}
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

    def take(self, key: Hashable) -> list[Any]:
        """The tables of a key in the order in which they were put; the store forgets them."""
        _, _, parquet = arrow_modules()
        found: list[Any] = []
        for number, group, names in self._disk.pop(key, ()):
            with parquet.ParquetFile(self._path(number)) as file:
                found.append(file.read_row_group(group).select(names))
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
        number = self.spilled
        with parquet.ParquetWriter(self._path(number), schema, compression="lz4") as writer:
            for group, (key, table) in enumerate(joined.items()):
                whole = arrow.concat_tables(
                    [schema.empty_table(), table], promote_options="default"
                )
                writer.write_table(whole, row_group_size=table.num_rows)
                self._disk.setdefault(key, []).append((number, group, table.column_names))
        self.spilled += 1
        self._memory.clear()
        self._bytes = 0
