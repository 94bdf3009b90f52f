"""The columns of one run on one machine, from pass one to the rows of the outputs."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from creditlib.rollouts.crediting.bucket_tensors import complete_rows, derived
from creditlib.rollouts.crediting.bundles import (
    Bundles,
    order_of_rows,
    split_by_bundle,
    stamped,
)
from creditlib.rollouts.crediting.credit_pass import (
    Counts,
    credit_bucket,
    credit_whole,
    merge_bucket_counts,
)
from creditlib.rollouts.crediting.groups import bucket_count, checked_groups, split_by_group
from creditlib.rollouts.crediting.output import Output
from creditlib.rollouts.crediting.parts import Facts, Part, check_complete, merge_facts
from creditlib.rollouts.crediting.plan import Plan, check_present
from creditlib.rollouts.crediting.progress import Reporter
from creditlib.rollouts.crediting.scan import scan_converted, scan_unit
from creditlib.rollouts.crediting.sidecar import Form
from creditlib.rollouts.crediting.sources import Source, Unit
from creditlib.rollouts.crediting.spill import Store
from creditlib.rollouts.crediting.summary import CREDIT_QUANTILES, Summary
from creditlib.rollouts.creditlib_schema import CREDITLIB
from creditlib.rollouts.parquet_files import arrow_modules
from creditlib.vocabulary.messages import contract_error

__all__ = ["Run", "check_options", "check_size", "cleaned", "together"]

_BUNDLE = 1 << 16  # rows of an output that are in memory together


class Run:
    """The columns of one run, in memory or on disk, from pass one to the outputs."""

    def __init__(self, plan: Plan, sources: Sequence[Source], budget: int, skip_bad: bool) -> None:
        self.plan, self.sources, self.skip_bad, self.budget = plan, sources, skip_bad, budget
        self.facts = Facts()
        self.types: dict[str, Any] = {}
        self.buckets = bucket_count(sum(each.size for each in sources), budget)
        self._columns, self._labels = Store(budget // 4), Store(budget // 8)
        self._credit = Store(budget // 8)
        self._bundle: dict[tuple[int, int], int] = {}
        self.size = self.lost = 0
        self.notes: list[str] = []

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *error: object) -> None:
        for store in (self._columns, self._labels, self._credit):
            store.close()

    def read(self, jobs: int, options: Mapping[str, Any], report: Reporter) -> None:
        """Pass one over all units, in order."""
        facts: list[Facts] = []
        bundle = rows = 0
        for unit, parts in self._parts(jobs, options):
            self._bundle[unit.file, unit.number] = bundle
            for part in parts:
                self._put(unit, part, bundle)
                facts.append(part.facts)
                rows += part.labels.num_rows
            if rows >= _BUNDLE:
                bundle, rows = bundle + 1, 0
            report.read(sum(part.facts.rows for part in parts), unit.bytes)
            facts = [merge_facts(facts)]
        self.finish_reading(merge_facts(facts))

    def finish_reading(self, facts: Facts) -> None:
        """Check the facts of all parts; what the estimators need and the files lack is refused."""
        self.facts = facts
        if not self.facts.trajectories:
            first = next(iter(self.facts.sentences), "")
            fact = f"none in {len(self.sources)} files" + (f" ({first})" if first else "")
            raise contract_error("credit", "paths", "files that hold a good trajectory", fact)
        self.has = check_complete(self.facts, self.skip_bad)
        check_present(self.plan, derived(self.has), self.sources[0].format.sources)
        if any(each.whole for each in self.plan.asked) and self.size > self.budget:
            names = ", ".join(each.name for each in self.plan.asked if each.whole)
            wanted = f"enough for the columns of all trajectories, which {names} compares at once"
            fact = f"{self.budget} bytes for {self.size} bytes of columns"
            raise contract_error("credit", "memory", wanted, fact)

    def _parts(
        self, jobs: int, options: Mapping[str, Any]
    ) -> Iterator[tuple[Unit, Sequence[Part]]]:
        format = self.sources[0].format
        needs = self.plan.needs
        if format is not CREDITLIB:
            check_size(self.sources, self.budget)
            parts, notes = scan_converted(self.sources, format, options, needs, self.skip_bad)
            self.notes += notes
            for source, part in zip(self.sources, parts, strict=True):
                yield source.units[0], [part]
            return
        check_options(options)
        units = [unit for each in self.sources for unit in each.units]
        yield from _scanned(units, needs, self.skip_bad, jobs)

    def _put(self, unit: Unit, part: Part, bundle: int) -> None:
        labels = stamped(part.labels, unit)
        self._labels.put(bundle, labels)
        if not part.columns.num_rows:
            return
        columns = stamped(part.columns, unit)
        self.size += columns.nbytes
        for bucket, table in split_by_group(columns, self.buckets):
            self._columns.put(bucket, table)

    def credit(self, report: Reporter) -> Counts:
        """Pass two over all buckets."""
        objectives = max(self.facts.objectives, default=0)
        every: list[Counts] = []
        for table, whole in self._tables_of_buckets(objectives):
            found, counts = credit_bucket(table, self.plan, self.has, objectives, whole)
            for each in self.plan.asked:
                self.types[each.name] = found.schema.field(each.name).type
            for bundle, rows in split_by_bundle(found, self._bundle):
                self._credit.put(bundle, rows)
            every = [merge_bucket_counts([*every, counts])]
            report.credited(counts.groups)
        return merge_bucket_counts(every)

    def _tables_of_buckets(self, objectives: int) -> Iterator[tuple[Any, Mapping[str, Any]]]:
        keys = sorted(int(str(key)) for key in self._columns.used())
        tables = (self._cleaned(self._columns.take(key), objectives) for key in keys)
        if any(each.whole for each in self.plan.asked):
            yield from together(list(tables), self.plan, self.has, objectives)
            return
        for table in tables:
            if table.num_rows:
                yield table, {}

    def _cleaned(self, tables: Sequence[Any], objectives: int) -> Any:
        """The trajectories of a bucket, without those that are bad after all, which it counts."""
        table, lost, doubled = cleaned(tables, self.has, objectives, self.place, self.skip_bad)
        self.lost += lost + len(doubled)
        self.notes += doubled[: max(0, 5 - len(self.notes))]
        return table

    def place(self, file: int, number: int) -> str:
        """Where a message on a row of a file sends the reader."""
        return self.sources[file].place(number)

    def write(self, outputs: Sequence[Output], form: Form, report: Reporter) -> None:
        """The outputs that are not kept, one after the other."""

        def load(bundle: int) -> tuple[Sequence[Any], Sequence[Any]]:
            return self._labels.take(bundle), self._credit.take(bundle)

        bundles = Bundles(self._bundle, load, form)
        for output in outputs:
            if not output.kept:
                output.write(bundles.rows(output.source), form)
            report.wrote(output.source.size)

    def summary(
        self, counts: Counts, outputs: Sequence[Path], kept: set[Path], lost: Sequence[str]
    ) -> Summary:
        """The result of the run."""
        facts = self.facts
        notes = [*self.notes, *lost, *facts.sentences]
        if facts.nan is not None:
            noun = "trajectory takes" if facts.nan.count == 1 else "trajectories take"
            notes.append(
                f"{facts.nan.count} {noun} no part because `outcome` is NaN, the first in "
                f"{facts.nan.place}."
            )
        if self.skip_bad:
            for name, lack in facts.lacks.items():
                if name in facts.has:
                    notes.append(
                        f"{lack.count} trajectories lack what fills `{name}`, the first in "
                        f"{lack.place}."
                    )
        return Summary(
            outputs=tuple(map(str, outputs)),
            kept=tuple(str(path) for path in outputs if path in kept),
            rows=facts.rows,
            trajectories=facts.trajectories - self.lost,
            turns=facts.turns,
            groups=counts.groups,
            lone=counts.lone,
            constant=counts.constant,
            informative=counts.informative,
            excluded=facts.excluded,
            bad=facts.bad + self.lost + len(lost),
            bytes=sum(each.size for each in self.sources),
            notes=tuple(notes),
            credit={
                name: {share: each.quantile(share) for share in CREDIT_QUANTILES}
                for name, each in counts.credit.items()
            },
        )


def check_size(sources: Sequence[Source], budget: int) -> None:
    """Refuse files of a format that is converted as a whole if they exceed the budget."""
    size = sum(each.size for each in sources)
    if size > budget:
        wanted = f"at least the size of files of the format {sources[0].format.name}"
        fact = f"{budget} bytes for {size} bytes of files"
        remedy = "raise it, or convert the files with `creditlib.rollouts.write`"
        raise contract_error("credit", "memory", wanted, fact, remedy)


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options of a converter where nothing is converted."""
    for name, value in options.items():
        raise contract_error("credit", name, "left out for the format creditlib", repr(value))


def together(
    tables: Sequence[Any], plan: Plan, has: frozenset[str], objectives: int
) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Buckets with the credit that estimators give which must see all of them in one call."""
    arrow, _, _ = arrow_modules()
    joined = arrow.concat_tables(tables, promote_options="default")
    order = order_of_rows(joined)
    found = credit_whole(joined.take(order), plan, has, objectives)
    back = np.argsort(order, kind="stable")
    start = 0
    for table in tables:
        own = back[start : start + table.num_rows]
        start += table.num_rows
        if table.num_rows:
            yield table, {name: values.take(arrow.array(own)) for name, values in found.items()}


def cleaned(
    tables: Sequence[Any],
    has: frozenset[str],
    objectives: int,
    place: Callable[[int, int], str],
    skip_bad: bool,
) -> tuple[Any, int, list[str]]:
    """The good rows of a bucket, how many are incomplete, and a sentence on each doubled one."""
    arrow, _, _ = arrow_modules()
    table = arrow.concat_tables(tables, promote_options="default").combine_chunks()
    incomplete = 0
    if skip_bad:
        whole = complete_rows(table, has, objectives)
        incomplete = int((~whole).sum())
        table = table.filter(arrow.array(whole))
    table, doubled = checked_groups(table, place, skip_bad)
    return table.combine_chunks(), incomplete, doubled


def _scanned(
    units: Sequence[Unit], needs: frozenset[str], skip_bad: bool, jobs: int
) -> Iterator[tuple[Unit, Sequence[Part]]]:
    """Pass one of each unit, in their order, whatever process does it."""
    if jobs == 1 or len(units) == 1:
        for unit in units:
            yield unit, scan_unit(unit, needs, skip_bad)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(units)), mp_context=context) as pool:
        ahead: deque[tuple[Unit, Future[list[Part]]]] = deque()
        try:
            for unit in units:
                ahead.append((unit, pool.submit(scan_unit, unit, needs, skip_bad)))
                if len(ahead) > 2 * jobs:
                    first, found = ahead.popleft()
                    yield first, found.result()
            while ahead:
                first, found = ahead.popleft()
                yield first, found.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
