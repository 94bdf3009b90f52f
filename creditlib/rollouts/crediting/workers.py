"""Processes that share the tasks of a run; results come in the order of the tasks."""

from __future__ import annotations

import atexit
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import torch

from creditlib.rollouts.arrow import arrow_modules
from creditlib.vocabulary.messages import contract_error

__all__ = ["Workers"]

_AHEAD = 4  # results for each process that wait for an earlier one, at most


class Workers:
    """`jobs` processes, of which this is one; each works in one thread if there are several.

    Another process takes a second or two to start. Until the first one is ready, this process does
    the tasks; then it does one whenever the others have enough.

    >>> with Workers(1) as workers:
    ...     list(workers.results(divmod, [(7, 2), (9, 4)]))
    [(3, 1), (2, 1)]
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._pool: ProcessPoolExecutor | None = None
        self._ready: Future[None] | None = None
        self._threads = (0, 0)

    def __enter__(self) -> Workers:
        if self._jobs > 1:
            arrow, _, _ = arrow_modules()
            self._threads = torch.get_num_threads(), arrow.cpu_count()
            _use_threads(1, 1)
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._jobs - 1, mp_context=context, initializer=_start)
            self._ready = self._pool.submit(_nothing)
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            _use_threads(*self._threads)

    def results(self, task: Callable[..., Any], every: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """What the task returns for each tuple of arguments, in order; they are taken when needed.

        An error is raised where its result would come.
        """
        given = iter(every)
        if self._pool is None:
            yield from (task(*each) for each in given)
            return
        ahead: deque[Future[Any]] = deque()
        while True:
            self._hand_out(task, given, ahead)
            if ahead and ahead[0].done():
                yield _result(ahead.popleft())
            elif len(ahead) < _AHEAD * self._jobs and (own := next(given, None)) is not None:
                ahead.append(_done(task, own))
            elif ahead:
                yield _result(ahead.popleft())
            else:
                return

    def _hand_out(
        self,
        task: Callable[..., Any],
        given: Iterator[tuple[Any, ...]],
        ahead: deque[Future[Any]],
    ) -> None:
        """Give the other processes tasks: one to work at, and one to go on with."""
        if self._pool is None or self._ready is None or not self._ready.done():
            return
        _result(self._ready)
        busy = sum(not each.done() for each in ahead)
        while busy < 2 * (self._jobs - 1) and len(ahead) < _AHEAD * self._jobs:
            each = next(given, None)
            if each is None:
                return
            ahead.append(self._pool.submit(task, *each))
            busy += 1


def _done(task: Callable[..., Any], given: tuple[Any, ...]) -> Future[Any]:
    """What a task of this process returns or raises."""
    found: Future[Any] = Future()
    try:
        found.set_result(task(*given))
    except Exception as error:
        found.set_exception(error)
    return found


def _result(found: Future[Any]) -> Any:
    try:
        return found.result()
    except BrokenProcessPool as error:
        wanted = "1 where other processes cannot start or live"
        remedy = 'call `credit` below `if __name__ == "__main__":`, or give it more memory'
        fact = "several, of which one ended before its work was done"
        raise contract_error("credit", "jobs", wanted, fact, remedy) from error


def _start() -> None:
    """Make this process a worker; what libraries tidy up at its end would take half a second."""
    _use_threads(1, 1)
    atexit.register(os._exit, 0)


def _use_threads(of_torch: int, of_arrow: int) -> None:
    arrow, _, _ = arrow_modules()
    torch.set_num_threads(of_torch)
    arrow.set_cpu_count(of_arrow)


def _nothing() -> None:
    """What a process does when it is ready."""
