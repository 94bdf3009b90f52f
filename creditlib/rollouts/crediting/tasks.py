"""What a run is cut into: functions of their arguments, which any process may run, and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.crediting.bucket_tensors import complete_rows
from creditlib.rollouts.crediting.bundles import (
    Bundles,
    order_of_rows,
    split_by_bundle,
    stamped,
)
from creditlib.rollouts.crediting.conversion import Reading, scan_together
from creditlib.rollouts.crediting.credit_pass import Counts, credit_bucket, credit_whole
from creditlib.rollouts.crediting.groups import checked_groups, split_by_group
from creditlib.rollouts.crediting.output import Output
from creditlib.rollouts.crediting.parts import Facts, Part, merge_facts
from creditlib.rollouts.crediting.plan import Plan
from creditlib.rollouts.crediting.scan import scan_unit
from creditlib.rollouts.crediting.sidecar import Form
from creditlib.rollouts.crediting.sources import Source, Unit
from creditlib.rollouts.crediting.spill import loaded

__all__ = [
    "Bundle",
    "Common",
    "Credited",
    "Scanned",
    "convert_task",
    "credit_task",
    "scan_task",
    "stretches",
    "write_outputs",
    "write_task",
]

# The scan task that each unit was read by, by the number of the unit's file and its own.
Bundle = Mapping[tuple[int, int], int]
_ROW = 1 << 12  # bytes that a row counts for at least, so that a task has not too many


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
    weights = [max(each.size, sum(map(_weight, each.units))) for each in sources]
    found: list[list[list[Unit]]] = []
    for files in _runs(list(zip(sources, weights, strict=True)), lambda each: each[1], size):
        units = [unit for source, _ in files for unit in source.units]
        found.append(_runs(units, _weight, size) if len(files) == 1 else [units])
    return found


def _weight(unit: Unit) -> int:
    return max(unit.bytes, unit.rows * _ROW)


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
    """What a run learns of a scan task; `size` is the bytes of its columns."""

    facts: Facts
    size: int
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Credited:
    """What a run learns of a credit task; `lost` counts rows that are bad after all."""

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


def scan_task(units: Sequence[Unit], reading: Reading, buckets: int) -> list[Any]:
    """Pass one of some units: what it found, their labels, and the columns of each bucket."""
    return _scanned([(unit, scan_unit(unit, reading)) for unit in units], buckets, ())


def convert_task(sources: Sequence[Source], reading: Reading, buckets: int) -> list[Any]:
    """Pass one of all files of a format that needs all rows together."""
    parts, notes = scan_together(sources, reading)
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


def credit_task(common: Common, *pieces: Any) -> list[Any]:
    """Pass two of one bucket: what it found, and the credit of the rows of each scan task.

    `pieces` are the columns of the bucket, as `loaded` takes them.
    """
    found: list[Any] = [None] * common.bundles
    given = loaded(piece for piece in pieces if piece is not None)
    if not given:
        return [Credited(Counts(), 0, ()), *found]
    table, lost, doubled = _cleaned(given, common)
    if not table.num_rows:
        return [Credited(Counts(), lost + len(doubled), doubled[:5]), *found]
    before = torch.get_num_threads()
    torch.set_num_threads(common.threads)  # the order of a sum over the batch depends on them
    try:
        whole = _whole(table, common)
        credit, counts = credit_bucket(table, common.plan, common.has, common.objectives, whole)
    finally:
        torch.set_num_threads(before)
    for bundle, rows in split_by_bundle(credit, common.bundle):
        found[bundle] = rows.combine_chunks()
    types = {each.name: credit.schema.field(each.name).type for each in common.plan.asked}
    return [Credited(counts, lost + len(doubled), doubled[:5], types), *found]


def _cleaned(tables: Sequence[Any], common: Common) -> tuple[Any, int, list[str]]:
    """The good rows of a bucket, how many are incomplete, and a sentence on each doubled one."""
    arrow, _, _ = arrow_modules()
    table = arrow.concat_tables(tables, promote_options="default").combine_chunks()
    incomplete = 0
    if common.skip_bad:
        complete = complete_rows(table, common.has, common.objectives)
        incomplete = int((~complete).sum())
        table = table.filter(arrow.array(complete))

    def place(file: int, number: int) -> str:
        return common.sources[file].place(number)

    table, doubled = checked_groups(table, place, common.skip_bad)
    return table.combine_chunks(), incomplete, doubled


def _whole(table: Any, common: Common) -> Mapping[str, Any]:
    """The credit by estimators that must see all trajectories, which are those of the table.

    They see them in the order of the files.
    """
    if not any(each.whole for each in common.plan.asked):
        return {}
    arrow, _, _ = arrow_modules()
    order = order_of_rows(table)
    found = credit_whole(table.take(order), common.plan, common.has, common.objectives)
    back = arrow.array(order.argsort(kind="stable"))
    return {name: values.take(back) for name, values in found.items()}


def write_task(
    outputs: Sequence[Output],
    form: Form,
    bundle: Bundle,
    labels: Sequence[Sequence[Any]],
    credit: Sequence[Sequence[Any]],
) -> list[int]:
    """Write some outputs; labels and credit are what `loaded` takes, by bundle."""

    def load(number: int) -> tuple[list[Any], list[Any]]:
        return loaded(labels[number]), loaded(credit[number])

    return write_outputs(outputs, form, bundle, load)


def write_outputs(
    outputs: Sequence[Output],
    form: Form,
    bundle: Bundle,
    load: Callable[[int], tuple[Sequence[Any], Sequence[Any]]],
) -> list[int]:
    """Write some outputs from the bundles that `load` gives; the sizes of their inputs."""
    bundles = Bundles(bundle, load, form)
    for output in outputs:
        output.write(bundles.rows(output.source), form)
    return [output.source.size for output in outputs]
