"""Run compiled loops over rows in torch's own OpenMP threads; the loops release the GIL.

The OpenMP threads of torch wait for work by spinning. Other threads would share the cores with
them and halve the speed of the next torch operation. So the OpenMP threads do the work, through the
entry point that compilers call (GOMP_parallel). A pool of Python threads does it where there is no
such entry point, and in a forked process, which has lost its OpenMP threads.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

__all__ = ["parallel_rows"]

# Below this many tokens a second thread costs more than it saves.
FEW_TOKENS = 65536
# Runs of rows for each thread: a thread that is ready takes the next run.
RUNS = 4

_LIBRARIES = ("libgomp*.so*", "libiomp5*.so*", "libomp*.so*")
_callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_state = {"forked": False}

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: (_state.update(forked=True), _pool.cache_clear()))


@functools.cache
def _parallel() -> Callable[..., Any] | None:
    """The entry point in the OpenMP library that torch brought, None if there is none."""
    folder = Path(torch.__file__).parent / "lib"
    for pattern in _LIBRARIES:
        for path in sorted(folder.glob(pattern)):
            try:
                return ctypes.CDLL(str(path)).GOMP_parallel
            except (OSError, AttributeError):
                continue
    return None


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="creditlib")


def parallel_rows(work: Callable[..., Any], rows: int, tokens: int, *arguments: Any) -> list[Any]:
    """Call `work(first, last, *arguments)` on runs of rows, in several threads.

    Returns what the runs returned, in the order of rows. May be called from several threads at
    once.

    >>> parallel_rows(lambda first, last: (first, last), 4, 0)
    [(0, 4)]
    """
    if tokens < FEW_TOKENS:
        return [work(0, rows, *arguments)]
    threads = min(torch.get_num_threads(), rows)
    if threads < 2:
        return [work(0, rows, *arguments)]
    count = min(rows, threads * RUNS)
    edges = [rows * run // count for run in range(count + 1)]
    results: list[Any] = [None] * count
    errors: list[BaseException] = []
    runs = iter(range(count))

    def take(_: object = None) -> None:
        _take(runs, edges, work, arguments, results, errors)

    parallel = None if _state["forked"] else _parallel()
    if parallel is not None:
        parallel(_callback(take), None, ctypes.c_uint(threads), ctypes.c_uint(0))
    else:
        others = [_pool(threads - 1).submit(take) for _ in range(threads - 1)]
        take()
        for other in others:
            other.result()
    if errors:
        raise errors[0]
    return results


def _take(
    runs: Iterator[int],
    edges: list[int],
    work: Callable[..., Any],
    arguments: tuple[Any, ...],
    results: list[Any],
    errors: list[BaseException],
) -> None:
    """Work on runs until none is left; an error is kept, since a callback cannot raise."""
    try:
        for run in runs:
            results[run] = work(edges[run], edges[run + 1], *arguments)
    except BaseException as error:
        errors.append(error)
