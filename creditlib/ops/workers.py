"""Rows shared out among as many threads as torch uses, for compiled loops that release the GIL."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

__all__ = ["share"]

# Below this many tokens a second thread costs more than it saves.
FEW_TOKENS = 32768


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="creditlib")


# Threads do not survive a fork; the child makes its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


def share(work: Callable[..., Any], rows: int, tokens: int, *arguments: Any) -> list[Any]:
    """`work(first, last, *arguments)` over all rows, cut into one run of rows a thread.

    Returns what the runs returned, in the order of rows. Unlike the thread pools of numba this one
    may be used from several threads at once and after a fork.

    >>> share(lambda first, last: (first, last), 4, 0)
    [(0, 4)]
    """
    threads = min(torch.get_num_threads(), rows)
    if threads < 2 or tokens < FEW_TOKENS:
        return [work(0, rows, *arguments)]
    edges = [rows * run // threads for run in range(threads + 1)]
    pool = _pool(threads - 1)
    others = [
        pool.submit(work, first, last, *arguments) for first, last in itertools.pairwise(edges[1:])
    ]
    return [work(0, edges[1], *arguments), *(other.result() for other in others)]
