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

from creditlib.rollouts.crediting.credit_pass import Counts, merge_bucket_counts
from creditlib.rollouts.crediting.groups import bucket_count
from creditlib.rollouts.crediting.output import Output
from creditlib.rollouts.crediting.plan import Plan
from creditlib.rollouts.crediting.progress import Reporter
from creditlib.rollouts.crediting.run import Run
from creditlib.rollouts.crediting.sidecar import Form
from creditlib.rollouts.crediting.sources import Source
from creditlib.rollouts.crediting.tasks import Bundle, credit_task, write_outputs
from creditlib.rollouts.storage import Location
from creditlib.vocabulary.install_hint import install_hint
from creditlib.vocabulary.messages import ContractError, contract_error, error_line

__all__ = ["RayRun", "answered", "write_task"]

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


def write_task(
    outputs: Sequence[Output],
    form: Form,
    bundle: Bundle,
    labels: Sequence[Any],
    credit: Sequence[Sequence[Any]],
) -> list[int]:
    """Write some outputs; labels and credit are references into the object store, by bundle."""
    ray = _ray()

    def load(number: int) -> tuple[list[Any], list[Any]]:
        pieces = ray.get(list(credit[number]))
        return [ray.get(labels[number])], [each for each in pieces if each is not None]

    for output in outputs:
        _forget_parts(output.path)
    return write_outputs(outputs, form, bundle, load)


def _forget_parts(path: Location) -> None:
    """Remove what a worker that died in the middle of a file has left beside it."""
    start = f".{path.name}."
    if isinstance(path, Path) and path.parent.is_dir():
        for other in list(path.parent.iterdir()):
            if other.name.startswith(start) and other.name.endswith(".part"):
                other.unlink(missing_ok=True)


class RayRun(Run):
    """A run whose passes are tasks of Ray; what it holds itself are counts and references."""

    def __init__(
        self, plan: Plan, sources: Sequence[Source], budget: int, skip_bad: bool, jobs: int
    ) -> None:
        super().__init__(plan, list(map(_absolute, sources)), budget, skip_bad, jobs)
        self._ray = _ray()
        self._own = not self._ray.is_initialized()
        self._most = _AHEAD  # tasks in flight
        self._ahead: deque[list[Any]] = deque()  # what the tasks in flight return, in order
        self._labels_of: list[Any] = []  # by scan task
        self._columns_of: list[list[Any]] = []  # by bucket, then by scan task
        self._credit_of: list[list[Any]] = []  # by scan task, then by bucket

    def _bucket_count(self, jobs: int) -> int:
        """One task at a time holds one bucket, so it may be larger than on one machine."""
        return bucket_count(sum(each.size for each in self.sources), 4 * self.budget)

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

    def read(self, options: Mapping[str, Any], report: Reporter) -> None:
        """Pass one: scan tasks, whose facts are reduced in the order of the files."""
        cpus = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._most = _AHEAD * cpus
        task, given = self.scan_tasks(options, _STRETCH, _TASKS * cpus)
        self._columns_of = [[] for _ in range(self.buckets)]
        results = self._results(task, 2 + self.buckets, given)
        for number, (scanned, labels, *columns) in enumerate(results):
            self._labels_of.append(labels)
            for bucket, piece in zip(self._columns_of, columns, strict=True):
                bucket.append(piece)
            self.take_scanned(number, scanned, report)
        self.finish_reading()

    def credit(self, report: Reporter) -> Counts:
        """Pass two: a credit task for each bucket."""
        scans = len(self._labels_of)
        shared = self._ray.put(self.common(self.threads))
        given = ((shared, *self._columns_of.pop(0)) for _ in range(self.buckets))
        self._credit_of = [[] for _ in range(scans)]
        every: list[Counts] = []
        for credited, *pieces in self._results(credit_task, 1 + scans, given):
            for bundle, piece in zip(self._credit_of, pieces, strict=True):
                bundle.append(piece)
            every = [merge_bucket_counts([*every, self.take_credited(credited, report)])]
        return merge_bucket_counts(every)

    def write(self, outputs: Sequence[Output], form: Form, report: Reporter) -> None:
        """A write task for the files of each stretch that has one which is not kept."""
        found = [
            replace(output, path=output.path.absolute(), source=source)
            for output, source in zip(outputs, self.sources, strict=True)
        ]
        both = (self._labels_of, self._credit_of)
        given = (
            (todo, form, bundle, *([each[number] for number in scans] for each in both))
            for todo, bundle, scans in self.write_tasks(found, report)
        )
        for sizes, *_ in self._results(write_task, 1, given):
            for size in sizes:
                report.wrote(size)

    def _results(
        self, task: Callable[..., Any], returns: int, every: Iterable[tuple[Any, ...]]
    ) -> Iterator[list[Any]]:
        """Of each task, in order: the first thing that it returns, and references to the others."""
        for given in every:
            if len(self._ahead) >= self._most:
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
