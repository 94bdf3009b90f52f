"""The two passes as tasks of Ray: `credit` with engine="ray".

A scan task reads a stretch of the files and splits its trajectories by hash of the group. A credit
task joins one bucket of them from all stretches. A write task writes the files of one stretch.
Everything between them lies in Ray's object store; this process holds counts only. A task is a
function of its arguments, and its files take their place as a whole: Ray runs it again where a
worker dies.
"""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from creditlib.rollouts.crediting.bundles import Bundles
from creditlib.rollouts.crediting.credit_pass import Counts, merge_bucket_counts
from creditlib.rollouts.crediting.groups import bucket_count
from creditlib.rollouts.crediting.output import Output
from creditlib.rollouts.crediting.parts import Facts, merge_facts
from creditlib.rollouts.crediting.plan import Plan
from creditlib.rollouts.crediting.progress import Reporter
from creditlib.rollouts.crediting.ray_tasks import (
    Bundle,
    Common,
    answered,
    convert_task,
    credit_task,
    scan_task,
    stretches,
)
from creditlib.rollouts.crediting.run import Run, check_options, check_size
from creditlib.rollouts.crediting.sidecar import Form
from creditlib.rollouts.crediting.sources import Source, Unit
from creditlib.rollouts.creditlib_schema import CREDITLIB
from creditlib.vocabulary.install_hint import install_hint
from creditlib.vocabulary.messages import ContractError, contract_error, error_line

__all__ = ["RayRun", "write_task"]

_RETRIES = 3  # how often Ray runs a task again whose worker died
_STRETCH = 10**9  # bytes of files that one task reads, at most, unless one row group has more
_AHEAD = 3  # tasks in flight for each CPU of the cluster
_TASKS = 4  # scan tasks for each CPU of the cluster, where the files are small


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError:
        hint = install_hint("ray")
        raise ContractError(f"credit: the engine ray needs Ray: {hint}.") from None
    return ray


def write_task(
    outputs: Sequence[Output],
    form: Form,
    bundle: Bundle,
    labels: Sequence[Any],
    credit: Sequence[Sequence[Any]],
) -> int:
    """Write some outputs; labels and credit are references into the object store, by bundle."""
    ray = _ray()

    def load(number: int) -> tuple[list[Any], list[Any]]:
        pieces = ray.get(list(credit[number]))
        return [ray.get(labels[number])], [each for each in pieces if each is not None]

    bundles = Bundles(bundle, load, form)
    for output in outputs:
        _forget_parts(output.path)
        output.write(bundles.rows(output.source), form)
    return len(outputs)


def _forget_parts(path: Path) -> None:
    """Remove what a worker that died in the middle of a file has left beside it."""
    start = f".{path.name}."
    if path.parent.is_dir():
        for other in list(path.parent.iterdir()):
            if other.name.startswith(start) and other.name.endswith(".part"):
                other.unlink(missing_ok=True)


class RayRun(Run):
    """A run whose passes are tasks of Ray; what it holds itself are counts and references."""

    def __init__(self, plan: Plan, sources: Sequence[Source], budget: int, skip_bad: bool) -> None:
        super().__init__(plan, list(map(_absolute, sources)), budget, skip_bad)
        self._ray = _ray()
        self._own = not self._ray.is_initialized()
        self._ahead: deque[list[Any]] = deque()  # what the tasks in flight return, in order
        self._labels_of: list[Any] = []  # by scan task
        self._columns_of: list[list[Any]] = []  # by bucket, then by scan task
        self._credit_of: list[list[Any]] = []  # by scan task, then by bucket
        self._scans: list[list[Unit]] = []
        self._writes: list[list[int]] = []  # the scan tasks of each write task
        whole = any(each.whole for each in plan.asked)
        size = sum(each.size for each in sources)
        # One task at a time holds one bucket, so it may be larger than on one machine.
        self.buckets = 1 if whole else bucket_count(size, 4 * budget)

    def __enter__(self) -> RayRun:
        if self._own:
            self._ray.init(
                include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
            )
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        # A refused run waits for its tasks: a file is then whole or not there. They are not
        # cancelled: Ray 2.60 aborts this process if a reply arrives after the cancellation.
        for refs in self._ahead:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.get(refs[0])
        for kept in (self._ahead, self._labels_of, self._columns_of, self._credit_of):
            kept.clear()
        if self._own:
            self._ray.shutdown()

    def read(self, jobs: int, options: Mapping[str, Any], report: Reporter) -> None:
        """Pass one: scan tasks, whose facts are reduced in the order of the files."""
        needs, skip_bad, scans = self.plan.needs, self.skip_bad, self._scans
        task: Callable[..., Any] = scan_task
        if self.sources[0].format is not CREDITLIB:
            check_size(self.sources, self.budget)
            scans.append([each.units[0] for each in self.sources])
            self._writes = [[0]]
            task, given = convert_task, [(self.sources, options, needs, skip_bad, self.buckets)]
        else:
            check_options(options)
            for each in stretches(self.sources, self._stretch()):
                self._writes.append(list(range(len(scans), len(scans) + len(each))))
                scans += each
            given = [(units, needs, skip_bad, self.buckets) for units in scans]
        for number, units in enumerate(scans):
            self._bundle |= {(unit.file, unit.number): number for unit in units}
        self._columns_of = [[] for _ in range(self.buckets)]
        facts: list[Facts] = []
        for units, (scanned, labels, *columns) in zip(
            scans, self._results(task, 2 + self.buckets, given), strict=True
        ):
            self._labels_of.append(labels)
            for bucket, piece in zip(self._columns_of, columns, strict=True):
                bucket.append(piece)
            self.size += scanned.size
            self.notes += scanned.notes
            facts = [merge_facts([*facts, scanned.facts])]
            report.read(scanned.facts.rows, sum(unit.bytes for unit in units))
        self.finish_reading(merge_facts(facts))

    def _cpus(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def _stretch(self) -> int:
        """Bytes of files for each scan task."""
        size = sum(unit.bytes for each in self.sources for unit in each.units)
        return min(_STRETCH, -(-size // (_TASKS * self._cpus())))

    def credit(self, report: Reporter) -> Counts:
        """Pass two: a credit task for each bucket."""
        scans = len(self._labels_of)
        common = Common(
            plan=self.plan,
            has=self.has,
            objectives=max(self.facts.objectives, default=0),
            skip_bad=self.skip_bad,
            sources=self.sources,
            bundle=self._bundle,
            bundles=scans,
            threads=torch.get_num_threads(),
        )
        shared = self._ray.put(common)
        given = ((shared, *self._columns_of.pop(0)) for _ in range(self.buckets))
        self._credit_of = [[] for _ in range(scans)]
        every: list[Counts] = []
        for credited, *pieces in self._results(credit_task, 1 + scans, given):
            for bundle, piece in zip(self._credit_of, pieces, strict=True):
                bundle.append(piece)
            self.lost += credited.lost
            self.notes += credited.notes[: max(0, 5 - len(self.notes))]
            self.types |= credited.types
            every = [merge_bucket_counts([*every, credited.counts])]
            report.credited(credited.counts.groups)
        return merge_bucket_counts(every)

    def write(self, outputs: Sequence[Output], form: Form, report: Reporter) -> None:
        """A write task for the files of each stretch that has one which is not kept."""
        tasks: list[tuple[Any, ...]] = []
        for scans in self._writes:
            bundle = {
                (unit.file, unit.number): at
                for at, number in enumerate(scans)
                for unit in self._scans[number]
            }
            files = sorted({file for file, _ in bundle})
            todo = [
                replace(
                    outputs[file], path=outputs[file].path.absolute(), source=self.sources[file]
                )
                for file in files
                if not outputs[file].kept
            ]
            for file in files:
                if outputs[file].kept:
                    report.wrote(outputs[file].source.size)
            if todo:
                labels = [self._labels_of[number] for number in scans]
                credit = [self._credit_of[number] for number in scans]
                tasks.append((todo, form, bundle, labels, credit))
        for (done, *_), _ in zip(tasks, self._results(write_task, 1, tasks), strict=True):
            for output in done:
                report.wrote(output.source.size)

    def _results(
        self, task: Callable[..., Any], returns: int, every: Iterable[tuple[Any, ...]]
    ) -> Iterator[list[Any]]:
        """Of each task, in order: the first thing that it returns, and references to the others."""
        most = _AHEAD * self._cpus()
        for given in every:
            if len(self._ahead) >= most:
                yield self._next()
            self._ahead.append(self._start(task, returns, *given))
        while self._ahead:
            yield self._next()

    def _next(self) -> list[Any]:
        first, *others = self._ahead[0]
        found = self._result(first)
        self._ahead.popleft()
        return [found, *others]

    def _start(self, task: Callable[..., Any], returns: int, *given: Any) -> list[Any]:
        """The references of what a task returns."""
        errors = self._ray.exceptions
        remote = self._ray.remote(answered).options(
            name=getattr(task, "__name__", "task"),
            num_returns=returns,
            max_retries=_RETRIES,
            retry_exceptions=[errors.ObjectLostError, errors.WorkerCrashedError],
        )
        found = remote.remote(task, returns, *given)
        return [found] if returns == 1 else list(found)

    def _result(self, ref: Any) -> Any:
        """What a task returns; a refusal is raised as that of the function."""
        errors = self._ray.exceptions
        try:
            found = self._ray.get(ref)
        except errors.RayTaskError:  # a fault of the code, with its own traceback
            raise
        except errors.RayError as error:
            fact = f"one that gave a task up ({error_line(error).rstrip('.')})"
            wanted = "one whose workers live to the end of a task"
            raise contract_error("credit", "engine", wanted, fact) from error
        if isinstance(found, Exception):
            raise found
        return found


def _absolute(source: Source) -> Source:
    """A source that any worker finds, whatever folder it runs in."""
    path = source.path.absolute()
    units = tuple(replace(unit, path=str(path)) for unit in source.units)
    return replace(source, path=path, units=units)
