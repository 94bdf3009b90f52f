"""What a part of a session works with: the device, its time, where rows and lines go."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks import results
from benchmarks.gpu.budget import Limit
from benchmarks.gpu.device import Device, Once
from benchmarks.gpu.scale import Scale
from benchmarks.results import Row

__all__ = ["Context", "reason"]

T = TypeVar("T")


def reason(error: BaseException) -> str:
    """One line that says what failed first: of an error, the error that caused it.

    >>> reason(ValueError("no such form"))
    'ValueError: no such form'
    """
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[-1].strip()[:160]}"


@dataclass
class Context:
    """One process of one part. `rows` is the file that rows are appended to as they come.

    Of `workers` processes that share the items, this is number `worker`.
    """

    part: str
    device: Device
    limit: Limit
    scale: Scale
    rows: Path | None
    log: Path | None
    shared: Mapping[str, str] = field(default_factory=dict)
    peers: Mapping[str, Path] = field(default_factory=dict)
    worker: int = 0
    workers: int = 1
    problems: int = 0

    def once(self, part: str) -> Context:
        """The same with every call run once, and nothing said or written."""
        quiet = Once(self.device)
        return dataclasses.replace(self, part=part, device=quiet, rows=None, log=None)

    def say(self, text: str) -> None:
        """Print a line, and append it to the log of the session."""
        if self.log is None:
            return
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a") as file:
            file.write(f"{text}\n")

    def add(self, row: Row) -> None:
        """Append a row to the file; what was appended before is never lost."""
        if self.rows is not None:
            results.append(self.rows, [row])

    def row(self, op: str, **columns: object) -> Row:
        """A row with the columns that all rows of the session share."""
        return Row(op=op, **self.shared, **columns)  # type: ignore[arg-type]

    def problem(self, op: str, text: str, **columns: object) -> None:
        """Something of ours is wrong: it is said, becomes a row, and decides the exit code."""
        self.problems += 1
        self.say(f"WRONG {self.part}: {op}: {text}")
        self.add(self.row(op, side="ours", refused=text, note=self.part, **columns))

    def each(self, items: Sequence[T], name: Callable[[T], str], work: Callable[[T], None]) -> None:
        """Work on this process's share of the items while there is time; one may fail alone."""
        mine = items[self.worker :: self.workers]
        for item in self.limit.while_left(mine, self._left_out):
            try:
                work(item)
            except Exception as error:  # the other items are still wanted; the exit code tells
                self.problem(name(item), reason(error))

    def _left_out(self, count: int) -> None:
        self.say(f"{self.part}: {count} left out, its {self.limit.seconds:.0f} s are over")
