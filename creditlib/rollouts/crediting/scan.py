"""Pass one: a unit of a file as parts. It needs no other unit, so units may be read anywhere."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from creditlib.rollouts.crediting.parquet_scan import scan_row_group
from creditlib.rollouts.crediting.parts import Facts, Part, merge_facts
from creditlib.rollouts.crediting.row_lines import tolerant_rows
from creditlib.rollouts.crediting.row_scan import scan_rows
from creditlib.rollouts.crediting.sources import Source, Unit
from creditlib.rollouts.files import read_records
from creditlib.rollouts.packing import Packer
from creditlib.rollouts.parquet_files import arrow_modules
from creditlib.rollouts.rollout_format import Converted, RolloutFormat, check_keys, row_place
from creditlib.rollouts.row_errors import named_place
from creditlib.vocabulary.messages import ContractError

__all__ = ["scan_converted", "scan_unit"]

_ROWS = 1024  # trajectories that are dictionaries at one time


def scan_unit(unit: Unit, needs: frozenset[str], skip_bad: bool) -> list[Part]:
    """Pass one of a row group, or of a file of JSON Lines, in creditlib's schema."""
    if unit.columns:
        return scan_row_group(unit, needs, skip_bad)
    parts: list[Part] = []
    rows: list[Any] = []
    places: list[str] = []
    broken: list[str] = []
    done = 0
    for place, row, sentence in _records(Path(unit.path), skip_bad):
        rows.append(row)
        places.append(place)
        broken.append(sentence)
        if len(rows) == _ROWS:
            parts.append(_chunk(rows, places, broken, done, needs, skip_bad))
            done += len(rows)
            rows, places, broken = [], [], []
    if rows:
        parts.append(_chunk(rows, places, broken, done, needs, skip_bad))
    return parts


def _records(path: Path, skip_bad: bool) -> Iterator[tuple[str, Any, str]]:
    if skip_bad:
        yield from tolerant_rows(path)
        return
    for place, row in read_records(path):
        yield place, row, ""


def _chunk(
    rows: Sequence[Any],
    places: Sequence[str],
    broken: Sequence[str],
    done: int,
    needs: frozenset[str],
    skip_bad: bool,
) -> Part:
    """The part of some rows; those that are no JSON have their own sentence."""
    part = scan_rows(rows, places, range(done, done + len(rows)), needs, skip_bad, done)
    own = [sentence for sentence in broken if sentence]
    if not own:
        return part
    others = [text for text in part.facts.sentences if "got NoneType in" not in text]
    facts = replace(part.facts, sentences=(*own, *others)[:5])
    return Part(part.labels, part.columns, facts)


def scan_converted(
    sources: Sequence[Source],
    format: RolloutFormat,
    options: Mapping[str, Any],
    needs: frozenset[str],
    skip_bad: bool,
) -> tuple[list[Part], list[str]]:
    """One part for each file of a format that is converted row by row, and the converter's notes.

    All rows are converted together, because a format may compare them; they are in memory.
    """
    rows: list[Any] = []
    places: list[str] = []
    owner: dict[str, tuple[int, int]] = {}
    sizes: list[int] = []
    broken: list[str] = []
    packer = Packer()
    for number, source in enumerate(sources):
        count = 0
        for place, row, sentence in _records(source.path, skip_bad):
            owner[place] = number, count
            count += 1
            if row is None:
                broken.append(sentence)
                continue
            packer.pack(row)
            rows.append(row)
            places.append(place)
        sizes.append(count)
    converted, more = _converted(rows, places, format, options, skip_bad)
    members: list[list[int]] = [[] for _ in sources]
    for at, place in enumerate(converted.places):
        members[owner[row_place(place)][0]].append(at)
    parts: list[Part] = []
    for mine, size in zip(members, sizes, strict=True):
        where = [converted.places[at] for at in mine]
        numbers = [owner[row_place(place)][1] for place in where]
        own = [converted.trajectories[at] for at in mine]
        parts.append(_aligned(scan_rows(own, where, numbers, needs, skip_bad), numbers, size))
    lost = Facts(bad=len(broken) + len(more), sentences=tuple([*broken, *more][:5]))
    parts[0] = Part(parts[0].labels, parts[0].columns, merge_facts([parts[0].facts, lost]))
    return parts, list(converted.notes)


def _converted(
    rows: list[Any],
    places: list[str],
    format: RolloutFormat,
    options: Mapping[str, Any],
    skip_bad: bool,
) -> tuple[Converted, list[str]]:
    """The conversion of all rows, without those that cannot be converted alone."""
    for name, value in options.items():
        if name not in format.options:
            raise ContractError(
                f"credit: `{name}` must be left out for the format {format.name}, got {value!r}."
            )

    def convert(rows: Sequence[Any], places: Sequence[str]) -> Converted:
        check_keys(rows, places, format.keys)
        return named_place(functools.partial(format.convert, **options), rows, places)

    try:
        return convert(rows, places), []
    except ContractError:
        if not skip_bad:
            raise
    kept: list[int] = []
    sentences: list[str] = []
    for at, (row, place) in enumerate(zip(rows, places, strict=True)):
        try:
            convert([row], [place])
            kept.append(at)
        except ContractError as error:
            sentences.append(str(error))
    return convert([rows[at] for at in kept], [places[at] for at in kept]), sentences


def _aligned(part: Part, numbers: Sequence[int], size: int) -> Part:
    """A part whose output has the rows of the file, where no row holds two trajectories."""
    arrow, _, _ = arrow_modules()
    if len(set(numbers)) < len(numbers):
        return Part(part.labels, part.columns, replace(part.facts, spread=True))
    at = np.full(size, -1, dtype=np.int64)
    at[np.asarray(numbers, dtype=np.int64)] = np.arange(len(numbers))
    labels = part.labels.take(arrow.array(at, mask=at < 0))
    labels = labels.set_column(0, "row", arrow.array(np.arange(size)))
    columns = part.columns
    if columns.num_rows:
        index = np.asarray(numbers, dtype=np.int64)[columns["index"].to_numpy()]
        columns = columns.set_column(0, "index", arrow.array(index))
        columns = columns.take(np.argsort(index, kind="stable"))
    return Part(labels, columns, replace(part.facts, rows=size))
