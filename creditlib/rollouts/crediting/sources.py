"""The input files: which they are, their format, and the units that pass one reads alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from creditlib.rollouts.addresses import Address
from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.crediting.row_lines import tolerant_rows
from creditlib.rollouts.creditlib_schema import CREDITLIB
from creditlib.rollouts.disk import opened_once
from creditlib.rollouts.files import read_records
from creditlib.rollouts.formats import detect_format, find_format
from creditlib.rollouts.parquet_files import parquet_file
from creditlib.rollouts.paths import files_of_path
from creditlib.rollouts.rollout_format import RolloutFormat
from creditlib.rollouts.storage import Location, check_reached, location, looked_up
from creditlib.vocabulary.messages import ContractError, contract_error, one_line

__all__ = ["Source", "Unit", "expand", "open_sources"]

_AT_ONCE = 16  # files of a store that are looked at together


@dataclass(frozen=True)
class Unit:
    """A part of a file that is read alone: a row group, or the whole file (`group` is None)."""

    file: int
    number: int
    path: str
    format: str | RolloutFormat
    columns: bool  # whether it is read column by column
    group: int | None = None
    first: int = 1  # the number of its first row in a message
    rows: int = 0  # 0 where it is not known
    bytes: int = 0
    shown: str = ""  # what places call the path, if not by its name


@dataclass(frozen=True)
class Source:
    """An input file with its units; `size` is in bytes, `parent` is what the user named."""

    path: Location
    parent: Location
    size: int
    format: RolloutFormat
    units: tuple[Unit, ...]
    noun: str  # what a message calls a row: "row", "line" or "item"

    @property
    def parquet(self) -> bool:
        """Whether the file is Parquet."""
        return self.noun == "row"

    def place(self, number: int) -> str:
        """Where a message sends the reader."""
        return f"{self.path} {self.noun} {number}"


def expand(
    paths: str | Path | Sequence[str | Path], asked: RolloutFormat | None = None
) -> list[tuple[Location, Location]]:
    """(file, folder that the user named) of files, folders and patterns, each file once.

    A folder stands for its `*.json`, `*.jsonl` and `*.parquet` files, in the order of the numbers
    in their names; a pattern such as "runs/**/*.parquet" for what it matches. What `credit` wrote
    is left out.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    found: dict[Location, Location] = {}
    for each, place in zip(given, looked_up(map(location, given)), strict=True):
        files, parent = files_of_path("credit", "paths", place)
        if not files:
            wanted = "files, or folders that hold .json, .jsonl or .parquet files"
            raise contract_error("credit", "paths", wanted, repr(str(each)))
        for file in files:
            found.setdefault(file, parent)
    if not found:
        raise contract_error("credit", "paths", "at least one file", "none")
    return list(found.items())


def open_sources(
    files: Iterable[tuple[Location, Location]],
    format: str | RolloutFormat,
    skip_bad: bool,
    keyed: bool = False,
) -> tuple[list[Source], list[str]]:
    """The sources with their units, and a sentence on each file that is skipped as a whole.

    `keyed`: the user named the keys of a chat, so a row that no other format knows is one.
    """
    asked = find_format(format)
    sources: list[Source] = []
    sentences: list[str] = []
    for found in _each(files, functools.partial(_opened, asked, skip_bad, keyed)):
        if isinstance(found, Source):
            sources.append(_numbered(found, len(sources)))
        elif skip_bad:
            sentences.append(str(found))
        else:
            raise found
    if not sources:
        raise ContractError(sentences[0])
    formats: dict[str, Source] = {}
    for each in sources:
        formats.setdefault(each.format.name, each)
    if len(formats) == 1:
        return sources, sentences
    got = " and ".join(f"{each.format.name} in {each.path}" for each in formats.values())
    sentence = f"rollouts: the files must be of one format, got {got}."
    if not skip_bad:
        raise ContractError(sentence)
    same = [each for each in sources if each.format.name == sources[0].format.name]
    sentences += [sentence] * (len(sources) - len(same))
    return [_numbered(each, number) for number, each in enumerate(same)], sentences


def _each(
    files: Iterable[tuple[Location, Location]], opened: Callable[..., Source | ContractError]
) -> Iterator[Source | ContractError]:
    """What each file is, in order; a store is asked for several files at a time."""
    given = list(files)
    if not any(isinstance(path, Address) for path, _ in given):
        yield from (opened(*each) for each in given)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            yield from pool.map(opened, *zip(*given, strict=True))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _opened(
    asked: RolloutFormat | None, skip_bad: bool, keyed: bool, path: Location, parent: Location
) -> Source | ContractError:
    """The source of a file, or the sentence on one that is broken."""
    try:
        return _source(path, parent, asked, 0, skip_bad, keyed)
    except ContractError as error:
        return error


def _numbered(source: Source, number: int) -> Source:
    units = tuple(replace(unit, file=number) for unit in source.units)
    return replace(source, units=units)


def _source(
    path: Location,
    parent: Location,
    asked: RolloutFormat | None,
    number: int,
    skip_bad: bool,
    keyed: bool,
) -> Source:
    size = path.stat().st_size
    with opened_once(path) as file:
        head = file.read(4096)
    noun = "item" if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[" else "line"
    if head.startswith(b"PAR1"):
        return _parquet_source(path, parent, asked, number, size, keyed)
    format = asked
    if format is None:
        first = _first_row(path, skip_bad)
        if first is None:
            nothing = "a file without rows" if size else "an empty file"
            raise _empty(path, nothing)
        format = detect_format(first, path, keyed=keyed)
    elif not size:
        raise _empty(path, "an empty file")
    name = format.name if asked is None else asked
    unit = Unit(number, 0, str(path), name, False, bytes=size)
    return Source(path, parent, size, format, (unit,), noun)


def _empty(path: Location, fact: str) -> ContractError:
    return ContractError(f"rollouts: {path} must hold at least one trajectory, got {fact}.")


def _first_row(path: Location, skip_bad: bool) -> dict[str, Any] | None:
    """The first row that can be read."""
    if not skip_bad:
        return next((row for _, row in read_records(path)), None)
    return next((row for _, row, _ in tolerant_rows(path) if row is not None), None)


def _of_columns(path: Location, names: Sequence[str], keyed: bool) -> RolloutFormat:
    """The format of a Parquet file: by its columns, or by its first row."""
    if CREDITLIB.matches(dict.fromkeys(names)):
        return CREDITLIB
    return detect_format(next(row for _, row in read_records(path)), path, keyed=keyed)


def _parquet_source(
    path: Location,
    parent: Location,
    asked: RolloutFormat | None,
    number: int,
    size: int,
    keyed: bool,
) -> Source:
    """A Parquet file; those of creditlib's own schema have a unit for each row group."""
    arrow, _, _ = arrow_modules()
    try:
        with parquet_file(path) as file:
            names, meta = list(file.schema_arrow.names), file.metadata
            groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
            sizes = [(group.num_rows, group.total_byte_size) for group in groups]
    except (arrow.ArrowException, ValueError, OSError) as error:
        check_reached(path, error)
        fact = one_line(str(error).partition("\n")[0]).rstrip(".") or type(error).__name__
        raise ContractError(f"rollouts: {path} must be a readable Parquet file: {fact}.") from None
    if not sum(rows for rows, _ in sizes):
        raise _empty(path, "a file without rows")
    format = _of_columns(path, names, keyed) if asked is None else asked
    name = format.name if asked is None else asked
    if format is not CREDITLIB:
        rows = sum(rows for rows, _ in sizes)
        unit = Unit(number, 0, str(path), name, False, rows=rows, bytes=size)
        return Source(path, parent, size, format, (unit,), "row")
    units: list[Unit] = []
    first = 1
    for group, (rows, bytes) in enumerate(sizes):
        if rows:
            units.append(Unit(number, len(units), str(path), name, True, group, first, rows, bytes))
        first += rows
    return Source(path, parent, size, format, tuple(units), "row")
