"""JSON Lines of which some lines are broken: each line alone, with the sentence on a broken one."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from creditlib.rollouts.disk import opened_once
from creditlib.rollouts.files import read_records
from creditlib.rollouts.json_files import json_rows
from creditlib.vocabulary.messages import ContractError

__all__ = ["tolerant_rows"]

Row = dict[str, Any]


def tolerant_rows(path: Path) -> Iterator[tuple[str, Row | None, str]]:
    r"""(place, row, sentence) of every row; a broken line has the row None and its sentence.

    Only lines can be told apart in a broken file: a broken array or a broken Parquet file is
    refused as a whole.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "x.jsonl"
    >>> _ = path.write_text('{"n": 1}\n{"n":\n')
    >>> [row for _, row, _ in tolerant_rows(path)]
    [{'n': 1}, None]
    """
    with opened_once(path) as file:
        head = file.read(4096)
        lines = not head.startswith(b"PAR1") and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"["
        if lines:
            file.seek(0)
            for number, line in enumerate(file, start=1):
                if line.strip():
                    place = f"{path} line {number}"
                    yield (place, *_row_of(line, path, place))
            return
    for place, row in read_records(path):
        yield place, row, ""


def _row_of(line: bytes, path: Path, place: str) -> tuple[Row | None, str]:
    if line.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        return None, f"rollouts: a line must be one JSON object, got a list in {place}."
    try:
        _, row = next(json_rows(path, io.BytesIO(line)))
    except ContractError as error:
        return None, str(error).replace(f"{path} line 1", place)
    return row, ""
