"""The columns of one run on one machine, from pass one to the rows of the outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from creditlib.rollouts.crediting.bucket_tensors import derived
from creditlib.rollouts.crediting.conversion import Reading, check_options, settled
from creditlib.rollouts.crediting.credit_pass import Counts, merge_bucket_counts
from creditlib.rollouts.crediting.groups import bucket_count
from creditlib.rollouts.crediting.output import Output
from creditlib.rollouts.crediting.parts import Facts, check_complete, merge_facts
from creditlib.rollouts.crediting.plan import Plan, check_present
from creditlib.rollouts.crediting.progress import Reporter
from creditlib.rollouts.crediting.sidecar import Form
from creditlib.rollouts.crediting.sources import Source, Unit
from creditlib.rollouts.crediting.spill import Store
from creditlib.rollouts.crediting.summary import CREDIT_QUANTILES, Summary
from creditlib.rollouts.crediting.tasks import (
    Bundle,
    Common,
    Credited,
    Scanned,
    convert_task,
    credit_task,
    scan_task,
    stretches,
    write_task,
)
from creditlib.rollouts.crediting.workers import Workers
from creditlib.rollouts.creditlib_schema import CREDITLIB
from creditlib.rollouts.storage import Location
from creditlib.vocabulary.messages import contract_error

__all__ = ["Run"]

_STRETCH = 1 << 28  # bytes of files that one task reads, at most, unless one row group has more
_TASKS = 32  # scan tasks for each process, where the files are small
_BUCKETS = 8  # credit tasks for each of several processes, at least


class Run:
    """The columns of one run, in memory or on disk, from pass one to the outputs."""

    def __init__(
        self, plan: Plan, sources: Sequence[Source], budget: int, skip_bad: bool, jobs: int
    ) -> None:
        self.plan, self.sources, self.skip_bad, self.budget = plan, sources, skip_bad, budget
        self.facts = Facts()
        self.has: frozenset[str] = frozenset()
        self.types: dict[str, Any] = {}
        self.scans: list[list[Unit]] = []  # the units of each scan task
        self.writes: list[list[int]] = []  # the scan tasks of each write task
        self.bundle: dict[tuple[int, int], int] = {}
        self.size = self.lost = 0
        self.notes: list[str] = []
        self.threads = torch.get_num_threads()
        self.whole = any(each.whole for each in plan.asked)
        self.buckets = 1 if self.whole else self._bucket_count(jobs)
        self._options: Mapping[str, Any] = {}
        self._jobs, self._workers = jobs, Workers(jobs)
        self._columns, self._labels = Store(budget // 4), Store(budget // 8)
        self._credit = Store(budget // 8)

    def __enter__(self) -> Run:
        self._workers.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._workers.__exit__(*error)
        for store in (self._columns, self._labels, self._credit):
            store.close()

    def _bucket_count(self, jobs: int) -> int:
        """How many buckets, of which each process has one in memory."""
        size = sum(each.size for each in self.sources)
        least = _BUCKETS * jobs if jobs > 1 else 1
        return max(least, bucket_count(size, self.budget // jobs))

    def read(self, options: Mapping[str, Any], report: Reporter) -> None:
        """Pass one over all units, in order."""
        task, given = self.scan_tasks(options, _STRETCH, _TASKS * self._jobs)
        for number, found in enumerate(self._workers.results(task, given)):
            scanned, labels, *columns = found
            self._labels.put(number, labels)
            for bucket, table in enumerate(columns):
                if table is not None:
                    self._columns.put(bucket, table)
            self.take_scanned(number, scanned, report)
        self.finish_reading()

    def scan_tasks(
        self, options: Mapping[str, Any], most: int, parts: int
    ) -> tuple[Callable[..., list[Any]], list[tuple[Any, ...]]]:
        """The function of pass one, and its arguments for each scan task.

        A task reads at most `most` bytes of files, and of small files a share of `parts`.
        """
        format = self.sources[0].format
        check_options(format, options)
        found: Mapping[str, Any] | None = options
        if format is not CREDITLIB:
            found = settled(self.sources, options, self.skip_bad)
        together = found is None
        self._options = options if found is None else found
        if together:
            _check_size(self.sources, self.budget)
            self.scans, self.writes = [[each.units[0] for each in self.sources]], [[0]]
        else:
            size = sum(unit.bytes for each in self.sources for unit in each.units)
            for each in stretches(self.sources, min(most, -(-size // parts))):
                first = len(self.scans)
                self.writes.append(list(range(first, first + len(each))))
                self.scans += each
        for number, units in enumerate(self.scans):
            self.bundle |= {(unit.file, unit.number): number for unit in units}
        reading = Reading(self.plan.needs, self.skip_bad, self._options)
        if together:
            return convert_task, [(self.sources, reading, self.buckets)]
        return scan_task, [(units, reading, self.buckets) for units in self.scans]

    def take_scanned(self, number: int, scanned: Scanned, report: Reporter) -> None:
        """Take in what a scan task found, in the order of the tasks."""
        self.size += scanned.size
        self.notes += scanned.notes
        self.facts = merge_facts([self.facts, scanned.facts])
        report.read(scanned.facts.rows, sum(unit.bytes for unit in self.scans[number]))

    def finish_reading(self) -> None:
        """Check the facts of all parts; what the estimators need and the files lack is refused."""
        format = self.sources[0].format
        if not self.facts.trajectories:
            first = next(iter(self.facts.sentences), "")
            fact = f"none in {len(self.sources)} files" + (f" ({first})" if first else "")
            raise contract_error("credit", "paths", "files that hold a good trajectory", fact)
        self.has = check_complete(self.facts, self.skip_bad)
        if self.facts.converted is not None and format.pieces is not None:
            self.notes += format.pieces.notes(self.facts.converted, **self._options)
        check_present(self.plan, derived(self.has), format.sources)
        if self.whole and self.size > self.budget:
            names = ", ".join(each.name for each in self.plan.asked if each.whole)
            wanted = f"enough for the columns of all trajectories, which {names} compares at once"
            fact = f"{self.budget} bytes for {self.size} bytes of columns"
            raise contract_error("credit", "memory", wanted, fact)

    def credit(self, report: Reporter) -> Counts:
        """Pass two over all buckets."""
        common = self.common(self.threads if self._jobs == 1 or self.whole else 1)
        keys = sorted(int(str(key)) for key in self._columns.used())
        given = ((common, *self._columns.lend(key)) for key in keys)
        results: Iterable[list[Any]] = (
            (credit_task(*each) for each in given)
            if self.whole
            else self._workers.results(credit_task, given)
        )
        every: list[Counts] = []
        for credited, *pieces in results:
            for bundle, rows in enumerate(pieces):
                if rows is not None:
                    self._credit.put(bundle, rows)
            every = [merge_bucket_counts([*every, self.take_credited(credited, report)])]
        return merge_bucket_counts(every)

    def common(self, threads: int) -> Common:
        """What all credit tasks share."""
        return Common(
            plan=self.plan,
            has=self.has,
            objectives=max(self.facts.objectives, default=0),
            skip_bad=self.skip_bad,
            sources=self.sources,
            bundle=self.bundle,
            bundles=len(self.scans),
            threads=threads,
        )

    def take_credited(self, credited: Credited, report: Reporter) -> Counts:
        """Take in what a credit task found, in the order of the tasks."""
        self.lost += credited.lost
        self.notes += credited.notes[: max(0, 5 - len(self.notes))]
        self.types |= credited.types
        report.credited(credited.counts.groups)
        return credited.counts

    def write(self, outputs: Sequence[Output], form: Form, report: Reporter) -> None:
        """The outputs that are not kept."""
        both = (self._labels, self._credit)
        given = (
            (todo, form, bundle, *([store.lend(number) for number in scans] for store in both))
            for todo, bundle, scans in self.write_tasks(outputs, report)
        )
        for sizes in self._workers.results(write_task, given):
            for size in sizes:
                report.wrote(size)

    def write_tasks(
        self, outputs: Sequence[Output], report: Reporter
    ) -> Iterator[tuple[list[Output], Bundle, list[int]]]:
        """Of each write task: its outputs that are not kept, their bundles, its scan tasks."""
        for scans in self.writes:
            bundle = {
                (unit.file, unit.number): at
                for at, number in enumerate(scans)
                for unit in self.scans[number]
            }
            own = [outputs[file] for file in sorted({file for file, _ in bundle})]
            for output in own:
                if output.kept:
                    report.wrote(output.source.size)
            todo = [output for output in own if not output.kept]
            if todo:
                yield todo, bundle, scans

    def summary(
        self,
        counts: Counts,
        outputs: Sequence[Location],
        kept: set[Location],
        lost: Sequence[str],
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


def _check_size(sources: Sequence[Source], budget: int) -> None:
    """Refuse files of a format that needs all rows together if they exceed the budget."""
    size = sum(each.size for each in sources)
    if size > budget:
        format = sources[0].format
        wanted = f"at least the size of files of the format {format.name}"
        if format.pieces is not None:
            wanted += " where rows of one step do not follow each other in one file"
        fact = f"{budget} bytes for {size} bytes of files"
        remedy = "raise it, or convert the files with `creditlib.rollouts.write`"
        raise contract_error("credit", "memory", wanted, fact, remedy)
