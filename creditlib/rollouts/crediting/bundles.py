"""The rows of outputs, from bundles of labels and credit of which one is in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.crediting.sidecar import Form, unit_table
from creditlib.rollouts.crediting.sources import Source, Unit

__all__ = ["Bundles", "order_of_rows", "split_by_bundle", "stamped"]


class Bundles:
    """The rows of each output, from bundles that follow each other as the files do.

    bundle: the bundle of each unit, by the number of its file and its own number.
    load: of a bundle, the tables of labels and those of credit; each bundle is loaded once.
    """

    def __init__(
        self,
        bundle: Mapping[tuple[int, int], int],
        load: Callable[[int], tuple[Sequence[Any], Sequence[Any]]],
        form: Form,
    ) -> None:
        self._bundle, self._load, self._form = bundle, load, form
        self._at = -1
        self._labels: Any = None
        self._credit: Any = None

    def rows(self, source: Source) -> Iterator[tuple[Unit, Any]]:
        """The rows of the output of a file, unit by unit."""
        for unit in source.units:
            bundle = self._bundle[unit.file, unit.number]
            while self._at < bundle:  # of a file that is kept nothing is asked
                self._at += 1
                self._take(*self._load(self._at))
            labels = _of_unit(self._labels, unit)
            yield unit, unit_table([labels], _of_unit(self._credit, unit), self._form)

    def _take(self, labels: Sequence[Any], credit: Sequence[Any]) -> None:
        arrow, _, _ = arrow_modules()
        self._credit = None
        if credit:
            joined = arrow.concat_tables(credit, promote_options="default")
            self._credit = joined.take(order_of_rows(joined)).combine_chunks()
        whole = arrow.concat_tables(labels, promote_options="default")
        self._labels = whole.combine_chunks()


def stamped(table: Any, unit: Unit) -> Any:
    """A table with the columns `file` and `unit`."""
    for name, value in (("file", unit.file), ("unit", unit.number)):
        table = table.append_column(name, [np.full(table.num_rows, value, dtype=np.int32)])
    return table


def order_of_rows(table: Any) -> Any:
    """The order in which the rows of a table follow each other in the files."""
    keys = [table[name].to_numpy() for name in ("index", "unit", "file")]
    return np.lexsort(keys)


def split_by_bundle(table: Any, bundle: Mapping[tuple[int, int], int]) -> Iterator[tuple[int, Any]]:
    """(bundle, the rows that belong to it) of a table with the columns `file` and `unit`."""
    file, unit = table["file"].to_numpy(), table["unit"].to_numpy()
    own = np.array([bundle[key] for key in zip(file.tolist(), unit.tolist(), strict=True)])
    for key in np.unique(own).tolist():
        yield key, table.take(np.flatnonzero(own == key))


def _of_unit(table: Any | None, unit: Unit) -> Any | None:
    """The rows of a unit of a table that is in order; None where there is none."""
    if table is None:
        return None
    key = table["file"].to_numpy().astype(np.int64) << 32 | table["unit"].to_numpy()
    own = (unit.file << 32) | unit.number
    low, high = np.searchsorted(key, [own, own + 1]).tolist()
    return table.slice(low, high - low)
