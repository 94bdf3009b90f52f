"""Rows of a file with their places; of JSON Lines of which some are broken, each line alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

from creditlib.rollouts.disk import opened_once
from creditlib.rollouts.files import read_records
from creditlib.rollouts.json_files import json_rows
from creditlib.rollouts.storage import Location
from creditlib.vocabulary.messages import ContractError

__all__ = ["Line", "read_lines", "tolerant_rows"]

Row = dict[str, Any]


class Line(NamedTuple):
    """A row and its place; a broken line has the row None and its sentence."""

    place: str
    row: Row | None
    sentence: str = ""


def read_lines(path: Location, skip_bad: bool) -> Iterator[Line]:
    """Every row of a file; a broken line is refused, or with `skip_bad` has its sentence."""
    if skip_bad:
        yield from tolerant_rows(path)
        return
    for place, row in read_records(path):
        yield Line(place, row)


def tolerant_rows(path: Location) -> Iterator[Line]:
    r"""Every row; a broken line has the row None and its sentence.

    Only lines can be told apart in a broken file: a broken array or a broken Parquet file is
    refused as a whole.

    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "x.jsonl"
    >>> _ = path.write_text('{"n": 1}\n{"n":\n')
    >>> [row for _, row, _ in tolerant_rows(path)]
    [{'n': 1}, None]
    """
    with opened_once(path) as file:
        head = file.read(4096)
        if not head.startswith(b"PAR1") and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"[":
            file.seek(0)
            yield from _lines(path, file)
            return
    for place, row in read_records(path):
        yield Line(place, row)


def _lines(path: Location, file: Any) -> Iterator[Line]:
    """The lines of a file, or its only row if it is one object over several lines."""
    first = True
    for number, line in enumerate(file, start=1):
        if line.strip():
            found = _line_of(line, path, f"{path} line {number}")
            whole = _one_object(path) if first and found.row is None else None
            yield found if whole is None else whole
            if whole is not None:
                return
            first = False


def _one_object(path: Location) -> Line | None:
    """The object that starts in the first line and ends with the file, None if there is none."""
    try:
        place, row = next(read_records(path))
    except (ContractError, StopIteration):
        return None
    return Line(place, row)


def _line_of(line: bytes, path: Location, place: str) -> Line:
    if line.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        sentence = f"rollouts: a line must be one JSON object, got a list in {place}."
        return Line(place, None, sentence)
    try:
        _, row = next(json_rows(path, io.BytesIO(line)))
    except ContractError as error:
        return Line(place, None, str(error).replace(f"{path} line 1", place))
    return Line(place, row)
