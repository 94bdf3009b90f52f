"""What tasks of Ray do: functions of their arguments, which Ray may run again, and anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from creditlib.rollouts.crediting.bundles import split_by_bundle, stamped
from creditlib.rollouts.crediting.credit_pass import Counts, credit_bucket
from creditlib.rollouts.crediting.groups import split_by_group
from creditlib.rollouts.crediting.parts import Facts, Part, merge_facts
from creditlib.rollouts.crediting.plan import Plan
from creditlib.rollouts.crediting.run import cleaned, together
from creditlib.rollouts.crediting.scan import scan_converted, scan_unit
from creditlib.rollouts.crediting.sources import Source, Unit
from creditlib.rollouts.parquet_files import arrow_modules
from creditlib.vocabulary.messages import ContractError

__all__ = [
    "Bundle",
    "Common",
    "Credited",
    "Scanned",
    "answered",
    "convert_task",
    "credit_task",
    "scan_task",
    "stretches",
]

# The scan task that each unit was read by, by the number of the unit's file and its own.
Bundle = Mapping[tuple[int, int], int]


def stretches(sources: Sequence[Source], size: int) -> list[list[list[Unit]]]:
    """The units of the files by write task, and within it by scan task.

    Files that follow each other are written by one task while they have at most `size` bytes
    together. A file that is larger has a write task of its own and several scan tasks.

    >>> from dataclasses import replace
    >>> from pathlib import Path
    >>> from creditlib.rollouts.creditlib_schema import CREDITLIB
    >>> unit = Unit(0, 0, "x", "creditlib", True, bytes=4)
    >>> small = Source(Path("x"), Path("."), 4, CREDITLIB, (unit,), "row")
    >>> large = replace(small, size=8, units=(unit, replace(unit, number=1)))
    >>> found = stretches([small, small, large, small], 9)
    >>> [[len(units) for units in scans] for scans in found]
    [[2], [2], [1]]
    >>> [[len(units) for units in scans] for scans in stretches([small, large], 4)]
    [[1], [1, 1]]
    """
    weights = [max(each.size, sum(unit.bytes for unit in each.units)) for each in sources]
    found: list[list[list[Unit]]] = []
    for files in _runs(list(zip(sources, weights, strict=True)), lambda each: each[1], size):
        units = [unit for source, _ in files for unit in source.units]
        found.append(_runs(units, lambda unit: unit.bytes, size) if len(files) == 1 else [units])
    return found


def _runs(items: Sequence[Any], weight: Callable[[Any], int], most: int) -> list[list[Any]]:
    """The items in runs of at most `most` together; one that is heavier is alone."""
    found: list[list[Any]] = []
    total = most + 1
    for each in items:
        total += weight(each)
        if total > most:
            found.append([])
            total = weight(each)
        found[-1].append(each)
    return found


@dataclass(frozen=True)
class Scanned:
    """What this process learns of a scan task; `size` is the bytes of its columns."""

    facts: Facts
    size: int
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Credited:
    """What this process learns of a credit task; `lost` counts rows that are bad after all."""

    counts: Counts
    lost: int
    notes: Sequence[str]
    types: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Common:
    """What all credit tasks share; `bundles` counts the scan tasks."""

    plan: Plan
    has: frozenset[str]
    objectives: int
    skip_bad: bool
    sources: Sequence[Source]
    bundle: Bundle
    bundles: int
    threads: int


def answered(task: Callable[..., Any], returns: int, *given: Any) -> Any:
    """What a task returns; a refusal is its answer, so that no worker prints a traceback.

    >>> def refuse(path):
    ...     raise ContractError("credit: no.")
    >>> answered(refuse, 2, "x")
    [ContractError('credit: no.'), None]
    """
    try:
        return task(*given)
    except (ContractError, OSError) as error:
        return error if returns == 1 else [error, *[None] * (returns - 1)]


def scan_task(
    units: Sequence[Unit], needs: frozenset[str], skip_bad: bool, buckets: int
) -> list[Any]:
    """Pass one of some units: what it found, their labels, and the columns of each bucket."""
    found = [(unit, scan_unit(unit, needs, skip_bad)) for unit in units]
    return _scanned(found, buckets, ())


def convert_task(
    sources: Sequence[Source],
    options: Mapping[str, Any],
    needs: frozenset[str],
    skip_bad: bool,
    buckets: int,
) -> list[Any]:
    """Pass one of all files of a format that is converted as a whole."""
    parts, notes = scan_converted(sources, sources[0].format, options, needs, skip_bad)
    found = [(each.units[0], [part]) for each, part in zip(sources, parts, strict=True)]
    return _scanned(found, buckets, notes)


def _scanned(
    found: Sequence[tuple[Unit, Sequence[Part]]], buckets: int, notes: Sequence[str]
) -> list[Any]:
    labels: list[Any] = []
    columns: list[list[Any]] = [[] for _ in range(buckets)]
    facts: list[Facts] = []
    size = 0
    for unit, parts in found:
        for part in parts:
            facts.append(part.facts)
            labels.append(stamped(part.labels, unit))
            if part.columns.num_rows:
                table = stamped(part.columns, unit)
                size += table.nbytes
                for bucket, rows in split_by_group(table, buckets):
                    columns[bucket].append(rows)
    scanned = Scanned(merge_facts(facts), size, notes)
    return [scanned, _joined(labels), *map(_joined, columns)]


def _joined(tables: Sequence[Any]) -> Any:
    """Tables as one whose buffers are its own; None of none."""
    arrow, _, _ = arrow_modules()
    if not tables:
        return None
    return arrow.concat_tables(tables, promote_options="default").combine_chunks()


def credit_task(common: Common, *tables: Any) -> list[Any]:
    """Pass two of one bucket: what it found, and the credit of the rows of each scan task."""
    found: list[Any] = [None] * common.bundles
    given = [table for table in tables if table is not None]
    if not given:
        return [Credited(Counts(), 0, ()), *found]
    plan, has, objectives = common.plan, common.has, common.objectives

    def place(file: int, number: int) -> str:
        return common.sources[file].place(number)

    table, lost, doubled = cleaned(given, has, objectives, place, common.skip_bad)
    if not table.num_rows:
        return [Credited(Counts(), lost + len(doubled), doubled[:5]), *found]
    whole: Mapping[str, Any] = {}
    before = torch.get_num_threads()
    torch.set_num_threads(common.threads)  # the order of a sum over the batch depends on them
    try:
        if any(each.whole for each in plan.asked):
            [(table, whole)] = together([table], plan, has, objectives)
        credit, counts = credit_bucket(table, plan, has, objectives, whole)
    finally:
        torch.set_num_threads(before)
    for bundle, rows in split_by_bundle(credit, common.bundle):
        found[bundle] = rows.combine_chunks()
    types = {each.name: credit.schema.field(each.name).type for each in plan.asked}
    return [Credited(counts, lost + len(doubled), doubled[:5], types), *found]
