"""Rows of results: one line a contestant, in `benchmarks/results/<machine>.csv`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

__all__ = ["Row", "append", "latest", "read"]


@dataclass(frozen=True)
class Row:
    """One contestant on one input. Times in microseconds; None is blank: not measured here."""

    date: str = ""
    run: str = ""
    machine: str = ""
    device: str = "cpu"
    op: str = ""
    shape: str = ""
    variant: str = ""
    axis: str = ""
    x: float | None = None
    contestant: str = ""
    side: str = ""
    p20_us: float | None = None
    p50_us: float | None = None
    p80_us: float | None = None
    repeats: int | None = None
    floor_us: float | None = None  # the bytes of this row, copied
    copy_us: float | None = None  # one copy of the results
    default_us: float | None = None  # in a process with the allocator's own settings
    moved_bytes: int | None = None
    peak_tensors: float | None = None  # extra memory in float32 tensors of this shape
    launches: int | None = None  # of a GPU: kernels, copies and fills
    torch_launches: int | None = None  # those of torch among them
    wall_us: float | None = None  # on a GPU: from an idle device until the result is there
    host_us: float | None = None  # on a GPU: until the call returns
    refused: str = ""  # why the gate gave no number
    note: str = ""
    version: str = ""
    threads: str = ""
    commit: str = ""
    dirty: str = ""
    python: str = ""
    torch: str = ""
    numba: str = ""
    triton: str = ""
    why: str = ""

    @property
    def key(self) -> str:
        """The row of the grid this belongs to.

        >>> Row(op="gae", shape="64x512").key
        'gae 64x512'
        """
        return " ".join(part for part in (self.op, self.shape, self.variant) if part)


_KINDS = {each.name: str(each.type) for each in fields(Row)}


def append(path: Path, rows: Iterable[Row]) -> None:
    """Add rows to a file, which gets its header when it is made.

    A file with other columns is written anew with the columns of today.
    """
    fresh = not path.exists()
    if not fresh and _header(path) != list(_KINDS):
        anew = path.with_suffix(".anew")
        anew.unlink(missing_ok=True)
        append(anew, read([path]))
        anew.replace(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(_KINDS), lineterminator="\n")
        if fresh:
            writer.writeheader()
        for row in rows:
            writer.writerow({name: _text(value) for name, value in asdict(row).items()})


def _header(path: Path) -> list[str]:
    with path.open(newline="") as file:
        return next(csv.reader(file), [])


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def read(paths: Sequence[Path]) -> list[Row]:
    """All rows of some files; a column that a file lacks has its default."""
    rows: list[Row] = []
    for path in paths:
        with path.open(newline="") as file:
            rows += [_row(line) for line in csv.DictReader(file)]
    return rows


def _row(line: dict[str, str]) -> Row:
    values: dict[str, object] = {}
    for name, text in line.items():
        kind = _KINDS.get(name, "")
        if kind.startswith("float"):
            values[name] = float(text) if text else None
        elif kind.startswith("int"):
            values[name] = int(text) if text else None
        elif kind:
            values[name] = text
    return Row(**values)  # type: ignore[arg-type]


def latest(rows: Iterable[Row]) -> list[Row]:
    """Of each input on each machine the rows of its last run only: ratios stay inside one run."""
    rows = list(rows)
    last: dict[tuple[str, str], tuple[str, str]] = {}
    for row in rows:
        place = (row.machine, row.key)
        last[place] = max(last.get(place, ("", "")), (row.date, row.run))
    return [row for row in rows if last[(row.machine, row.key)] == (row.date, row.run)]
