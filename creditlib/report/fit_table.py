"""Tables that cut no number: they drop texts first, then one table becomes several."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table

from creditlib.report.credit_columns import Column

__all__ = ["Fitted"]

_UNLIMITED = 1_000_000  # characters: the content alone decides the width


@dataclass(frozen=True)
class Fitted:
    """A table with a column per estimator, laid out for the width it is shown in.

    If texts and numbers do not fit, the texts are left out. If the numbers alone do not fit, there
    are several tables of the same rows, each with some of the estimators.

    build: makes the table of some estimators, with or without texts.
    columns: all the estimators.
    texts: the least characters that the texts need, 0 for a table without texts.
    """

    build: Callable[[Sequence[Column], bool], Table]
    columns: Sequence[Column]
    texts: int = 0

    @property
    def width(self) -> int:
        """The smallest width, in characters, of one table with everything."""
        return self._width(self.columns) + self.texts

    def tables(self, width: int) -> Iterator[Table]:
        """One table if it fits into `width` characters, else several."""
        if self.width <= width:
            yield self.build(self.columns, True)
            return
        start, stop = 0, len(self.columns)
        while True:
            while stop > start + 1 and self._width(self.columns[start:stop]) > width:
                stop -= 1
            yield self.build(self.columns[start:stop], False)
            if stop == len(self.columns):
                return
            start, stop = stop, len(self.columns)

    def _width(self, columns: Sequence[Column]) -> int:
        """Characters of the table without its texts."""
        console = Console(file=io.StringIO(), width=_UNLIMITED)
        return console.measure(self.build(columns, False)).maximum

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.tables(options.max_width)
