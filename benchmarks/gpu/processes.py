"""Processes of a session: one for each part, so that none can take another down with it.

They are forked from a server that has imported torch and has never touched a device. So a part
starts at once and opens a device of its own. A part that hangs is ended with all that it started.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from benchmarks.gpu.assignment import Assignment
from benchmarks.gpu.budget import Clock, Limit
from benchmarks.gpu.entry import work

__all__ = ["Process", "begin", "finish"]

# What the server imports once for all parts; nothing of it touches a device. The code that handles
# tensors without values is large, and only the stand-in needs it.
COMMON = (
    "triton.language",
    "triton.compiler",
    "benchmarks.gpu.entry",
    "benchmarks.gpu.measuring",
    "benchmarks.gpu.operations",
    "benchmarks.grid",
)
IMPORTS = {"cuda": COMMON, "stand-in": (*COMMON, "torch._dynamo")}
PATIENCE = 5.0  # seconds for a process to be gone once it was ended


class Process(Protocol):
    """What is used of multiprocessing.Process."""

    pid: int | None
    exitcode: int | None

    def start(self) -> None: ...
    def join(self, timeout: float | None = None) -> None: ...
    def kill(self) -> None: ...


def begin(given: Assignment) -> Process:
    """A process for a part, not yet started."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([*IMPORTS[given.device]])
    made: Any = server.Process(target=work, args=(given,), daemon=True)
    return made


def finish(
    processes: Sequence[Process],
    seconds: float,
    clock: Clock,
    kill: Callable[[int, int], None] = os.killpg,
) -> str:
    """Start processes and wait for all: "fine", or what happened to the first that was not."""
    limit = Limit(seconds, clock)
    for each in processes:
        each.start()
    for each in processes:
        each.join(limit.left())
    stopped = [each for each in processes if each.exitcode is None]
    for each in stopped:
        _end(each, kill)
    if stopped:
        return f"stopped after {seconds:.0f} s"
    return next((_state(each) for each in processes if each.exitcode), "fine")


def _state(process: Process) -> str:
    code = process.exitcode or 0
    return f"died of signal {-code}" if code < 0 else f"ended with code {code}"


def _end(process: Process, kill: Callable[[int, int], None]) -> None:
    """End a process and what it started; each is the leader of a group of its own."""
    if process.pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(process.pid, signal.SIGKILL)
    process.kill()
    process.join(PATIENCE)
