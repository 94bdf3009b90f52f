"""Pass one of formats that are converted: in pieces, or all files together."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.crediting.parts import Facts, Part, merge_facts
from creditlib.rollouts.crediting.row_lines import Line, read_lines
from creditlib.rollouts.crediting.row_scan import scan_rows
from creditlib.rollouts.crediting.sources import Source, Unit
from creditlib.rollouts.packing import Packer
from creditlib.rollouts.rollout_format import Converted, RolloutFormat, check_keys, row_place
from creditlib.rollouts.row_errors import named_place
from creditlib.rollouts.storage import location
from creditlib.vocabulary.messages import ContractError

__all__ = ["Reading", "check_options", "scan_pieces", "scan_together", "settled"]

Found = TypeVar("Found")

_ROWS = 1024  # rows that are dictionaries at one time


@dataclass(frozen=True)
class Reading:
    """What pass one of a run looks for: the needed tensors, bad rows, the converter's options."""

    needs: frozenset[str]
    skip_bad: bool
    options: Mapping[str, Any]


def check_options(format: RolloutFormat, options: Mapping[str, Any]) -> None:
    """Refuse options that the converter of a format does not take."""
    for name, value in options.items():
        if name not in format.options:
            raise ContractError(
                f"credit: `{name}` must be left out for the format {format.name}, got {value!r}."
            )


def settled(
    sources: Sequence[Source], options: Mapping[str, Any], skip_bad: bool
) -> Mapping[str, Any] | None:
    """The options that every piece is converted with; None if all rows are needed together.

    Some depend on all rows, which are then read once, one at a time.
    """
    format = sources[0].format
    if format.pieces is None:
        return None
    torn = [False]

    def rows() -> Iterator[tuple[str, Any]]:
        seen: set[Any] = set()
        for source in sources:
            last: Any = None
            for line in read_lines(source.path, skip_bad):
                if line.row is None or (skip_bad and not line.row.keys() >= format.keys):
                    continue
                check_keys([line.row], [line.place], format.keys)
                key = _key(format, line.row)
                if key is not None and key != last:
                    torn[0] |= key in seen
                    seen.add(key)
                    last = key
                yield line.place, line.row

    every = rows()
    more = format.pieces.settle([source.path for source in sources], every, options)
    if format.pieces.together is not None:
        for _ in every:  # what `settle` did not look at
            pass
    return None if torn[0] else {**options, **more}


def _key(format: RolloutFormat, row: Any) -> Any:
    together = None if format.pieces is None else format.pieces.together
    return None if together is None else (together(row),)


def scan_pieces(unit: Unit, format: RolloutFormat, reading: Reading) -> list[Part]:
    """Pass one of a file of a format that is converted in pieces."""
    parts: list[Part] = []
    first = done = 0
    for lines in _cut(unit, format, reading.skip_bad):
        parts.append(_piece(lines, format, reading, done, first))
        done += len(lines)
        first += parts[-1].labels.num_rows
    return parts


def _lines(unit: Unit, skip_bad: bool) -> Iterator[Line]:
    """The lines of a file, by the name that places give it."""
    for line in read_lines(location(unit.path), skip_bad):
        place = line.place.replace(unit.path, unit.shown, 1) if unit.shown else line.place
        yield line._replace(place=place)


def _cut(unit: Unit, format: RolloutFormat, skip_bad: bool) -> Iterator[list[Line]]:
    """The lines of a file in runs; lines that belong together stay together."""
    lines: list[Line] = []
    last: Any = None
    for line in _lines(unit, skip_bad):
        key = last if line.row is None else _key(format, line.row)
        if len(lines) >= _ROWS and (key is None or key != last):
            yield lines
            lines = []
        lines.append(line)
        last = key
    if lines:
        yield lines


def _piece(
    lines: Sequence[Line], format: RolloutFormat, reading: Reading, done: int, first: int
) -> Part:
    """The part of some lines, of which `done` lie before them; `first` is the first output row."""
    assert format.pieces is not None
    number = {line.place: done + at for at, line in enumerate(lines)}
    good = [line for line in lines if line.row is not None]
    convert = functools.partial(format.pieces.convert, **reading.options)
    found, more = _converted(good, convert, format, reading.skip_bad)
    numbers = [number[row_place(place)] for place in found.places]
    part = scan_rows(found.trajectories, found.places, numbers, reading.needs, reading.skip_bad)
    broken = [line.sentence for line in lines if line.row is None]
    lost = Facts(bad=len(broken) + len(more), sentences=tuple([*broken, *more][:5]))
    told = replace(part.facts, converted=found.facts)
    part = replace(part, facts=merge_facts([told, lost]))
    return _aligned(part, numbers, range(done, done + len(lines)), first)


def scan_together(sources: Sequence[Source], reading: Reading) -> tuple[list[Part], list[str]]:
    """One part for each file of a format that needs all rows together, and the converter's notes.

    The rows of all files are in memory.
    """
    format = sources[0].format
    lines: list[Line] = []
    owner: dict[str, tuple[int, int]] = {}
    sizes: list[int] = []
    broken: list[str] = []
    packer = Packer()
    for number, source in enumerate(sources):
        count = 0
        for line in _lines(source.units[0], reading.skip_bad):
            owner[line.place] = number, count
            count += 1
            if line.row is None:
                broken.append(line.sentence)
                continue
            packer.pack(line.row)
            lines.append(line)
        sizes.append(count)
    convert = functools.partial(format.convert, **reading.options)
    found: Converted
    found, more = _converted(lines, convert, format, reading.skip_bad)
    members: list[list[int]] = [[] for _ in sources]
    for at, place in enumerate(found.places):
        members[owner[row_place(place)][0]].append(at)
    parts: list[Part] = []
    for mine, size in zip(members, sizes, strict=True):
        where = [found.places[at] for at in mine]
        numbers = [owner[row_place(place)][1] for place in where]
        own = [found.trajectories[at] for at in mine]
        part = scan_rows(own, where, numbers, reading.needs, reading.skip_bad)
        parts.append(_aligned(part, numbers, range(size), 0))
    lost = Facts(bad=len(broken) + len(more), sentences=tuple([*broken, *more][:5]))
    parts[0] = replace(parts[0], facts=merge_facts([parts[0].facts, lost]))
    return parts, list(found.notes)


def _converted(
    lines: Sequence[Line],
    convert: Callable[..., Found],
    format: RolloutFormat,
    skip_bad: bool,
) -> tuple[Found, list[str]]:
    """The conversion of some rows, without those that cannot be converted alone."""

    def checked(rows: Sequence[Any], places: Sequence[str]) -> Found:
        check_keys(rows, places, format.keys)
        return named_place(convert, rows, places)

    try:
        return checked([line.row for line in lines], [line.place for line in lines]), []
    except ContractError:
        if not skip_bad:
            raise
    kept: list[Line] = []
    sentences: list[str] = []
    for line in lines:
        try:
            checked([line.row], [line.place])
            kept.append(line)
        except ContractError as error:
            sentences.append(str(error))
    return checked([line.row for line in kept], [line.place for line in kept]), sentences


def _aligned(part: Part, numbers: Sequence[int], rows: range, first: int) -> Part:
    """A part with an output row for each trajectory, and one for each row that holds none.

    `numbers` are the rows of the file that the trajectories stand in, `first` is the number of the
    first output row.
    """
    arrow, _, _ = arrow_modules()
    own = np.asarray(numbers, dtype=np.int64)
    every = np.concatenate([own, np.setdiff1d(np.arange(rows.start, rows.stop), own)])
    order = np.argsort(every, kind="stable")
    labels = part.labels.take(arrow.array(order, mask=order >= len(own)))
    labels = labels.set_column(0, "row", arrow.array(every[order]))
    columns = part.columns
    if columns.num_rows:
        index = np.argsort(order)[columns["index"].to_numpy()] + first
        columns = columns.set_column(0, "index", arrow.array(index))
        columns = columns.take(np.argsort(index, kind="stable"))
    spread = len(np.unique(own)) < len(own)
    return Part(labels, columns, replace(part.facts, rows=len(rows), spread=spread))
