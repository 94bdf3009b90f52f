"""Pass one: a unit of a file as parts. It needs no other unit, so units may be read anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from creditlib.rollouts.crediting.conversion import Reading, scan_pieces
from creditlib.rollouts.crediting.parquet_scan import scan_row_group
from creditlib.rollouts.crediting.parts import Part
from creditlib.rollouts.crediting.row_lines import Line, read_lines
from creditlib.rollouts.crediting.row_scan import scan_rows
from creditlib.rollouts.crediting.sources import Unit
from creditlib.rollouts.creditlib_schema import CREDITLIB
from creditlib.rollouts.formats import find_format
from creditlib.rollouts.storage import location

__all__ = ["scan_unit"]

_ROWS = 1024  # trajectories that are dictionaries at one time


def scan_unit(unit: Unit, reading: Reading) -> list[Part]:
    """Pass one of a row group, or of a file that is read row by row."""
    if unit.columns:
        return scan_row_group(unit, reading.needs, reading.skip_bad)
    format = find_format(unit.format)
    if format is not None and format is not CREDITLIB:
        return scan_pieces(unit, format, reading)
    parts: list[Part] = []
    lines: list[Line] = []
    done = 0
    for line in read_lines(location(unit.path), reading.skip_bad):
        lines.append(line)
        if len(lines) == _ROWS:
            parts.append(_chunk(lines, done, reading))
            done += len(lines)
            lines = []
    return [*parts, _chunk(lines, done, reading)] if lines else parts


def _chunk(lines: Sequence[Line], done: int, reading: Reading) -> Part:
    """The part of some rows; those that are no JSON have their own sentence."""
    places, rows, sentences = zip(*lines, strict=True)
    numbers = range(done, done + len(lines))
    part = scan_rows(rows, places, numbers, reading.needs, reading.skip_bad, done)
    own = [sentence for sentence in sentences if sentence]
    if not own:
        return part
    others = [text for text in part.facts.sentences if "got NoneType in" not in text]
    facts = replace(part.facts, sentences=(*own, *others)[:5])
    return Part(part.labels, part.columns, facts)
