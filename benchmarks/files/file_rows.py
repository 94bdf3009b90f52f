"""Rows of results on stored rollouts: one line a contestant, in `results/files/<machine>.csv`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

__all__ = ["FileRow", "append", "latest", "read"]


@dataclass(frozen=True)
class FileRow:
    """One contestant on one input. None is blank: not measured here.

    seconds: of the whole process, imports included; inner_seconds: of the call alone. peak_bytes:
    of the process and its children. test: "main", "series", "jobs" or "memory".
    """

    date: str = ""
    run: str = ""
    machine: str = ""
    test: str = ""
    input: str = ""
    rows: int = 0
    files: int = 0
    bytes: int = 0
    cores: int = 1
    contestant: str = ""
    side: str = ""
    estimator: str = ""
    seconds: float | None = None
    inner_seconds: float | None = None
    peak_bytes: int | None = None
    refused: str = ""  # why there is no number
    note: str = ""
    version: str = ""
    commit: str = ""
    dirty: str = ""
    python: str = ""
    torch: str = ""
    pyarrow: str = ""


_KINDS = {each.name: str(each.type) for each in fields(FileRow)}


def append(path: Path, rows: Iterable[FileRow]) -> None:
    """Add rows to a file, which gets its header when it is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(_KINDS), lineterminator="\n")
        if fresh:
            writer.writeheader()
        for row in rows:
            writer.writerow({name: _text(value) for name, value in asdict(row).items()})


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def read(paths: Sequence[Path]) -> list[FileRow]:
    """All rows of some files."""
    rows: list[FileRow] = []
    for path in paths:
        with path.open(newline="") as file:
            rows += [_row(line) for line in csv.DictReader(file)]
    return rows


def _row(line: dict[str, str]) -> FileRow:
    values: dict[str, object] = {}
    for name, text in line.items():
        kind = _KINDS.get(name, "")
        if kind.startswith(("float", "int")):
            number = (float if kind.startswith("float") else int)(text) if text else None
            values[name] = number
        elif kind:
            values[name] = text
    return FileRow(**values)  # type: ignore[arg-type]


def latest(rows: Iterable[FileRow]) -> list[FileRow]:
    """Of each test on each machine the rows of its last run only: ratios stay inside one run."""
    rows = list(rows)
    last: dict[tuple[str, str], tuple[str, str]] = {}
    for row in rows:
        place = (row.machine, row.test)
        last[place] = max(last.get(place, ("", "")), (row.date, row.run))
    return [row for row in rows if last[row.machine, row.test] == (row.date, row.run)]
