"""A process and all its children: seconds, and memory at the peak (Linux)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import ROOT

__all__ = ["Child", "run"]

_PROC = Path("/proc")
_PAUSE = 0.02
_SHARE = 20  # times as long as a look at the memory took: reading smaps_rollup costs milliseconds


@dataclass(frozen=True)
class Child:
    """What a process took.

    seconds: from its start to its end, imports included. inner: the seconds that it printed itself.
    peak: bytes; one process: its own peak; several: the largest sum, shared pages counted once.
    failure: the last line of its errors, "" if it ended well.
    """

    seconds: float
    inner: float | None
    peak: int
    failure: str = ""


def run(
    command: Sequence[str],
    *,
    cores: int = 1,
    limit: float = 900.0,
    environment: Mapping[str, str] | None = None,
) -> Child:
    r"""Run a command on so many cores of this machine, and kill it after `limit` seconds.

    >>> import sys
    >>> found = run([sys.executable, "-c", "print('{\"seconds\": 0.5}')"])
    >>> found.failure, found.inner, found.peak > 1 << 20
    ('', 0.5, True)
    """
    every = os.sched_getaffinity(0)
    told = {name: str(cores) for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS")}
    told |= {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)} | dict(environment or {})
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as errors:
        os.sched_setaffinity(0, sorted(every)[:cores])  # a child inherits it
        try:
            start = time.perf_counter()
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=errors,
                env=os.environ | told,
                cwd=ROOT,
                start_new_session=True,
            )
        finally:
            os.sched_setaffinity(0, every)
        peak, late, family = 0, False, {child.pid}
        while child.poll() is None:
            before = time.perf_counter()
            family = _family(child.pid)
            peak = max(peak, _memory(child.pid, family))
            now = time.perf_counter()
            if now - start > limit:
                late = True
                child.kill()
            time.sleep(max(_PAUSE, _SHARE * (now - before)))
        seconds = time.perf_counter() - start
        _end(family - {child.pid})
        said.seek(0)
        errors.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
        wrong = errors.read().decode(errors="replace").strip().splitlines()
    if late:
        return Child(seconds, None, peak, f"it was ended after {limit:.0f} s")
    if child.returncode:
        last = wrong[-1][:200] if wrong else ""
        return Child(seconds, None, peak, last or f"it ended with {child.returncode}")
    return Child(seconds, _inner(lines), peak)


def _inner(lines: Sequence[str]) -> float | None:
    """The seconds of the last line, if it is the JSON object of a job."""
    last = lines[-1] if lines else ""
    return float(json.loads(last)["seconds"]) if last.startswith('{"seconds"') else None


def _family(root: int) -> set[int]:
    """A process and its descendants."""
    parents: dict[int, int] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text()
            except OSError:  # it has ended meanwhile
                continue
            parents[int(folder.name)] = int(text.rpartition(")")[2].split()[1])
    found = {root}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def _memory(root: int, family: set[int]) -> int:
    if len(family) == 1:
        return _kilobytes(_PROC / str(root) / "status", "VmHWM:")
    return sum(_kilobytes(_PROC / str(each) / "smaps_rollup", "Pss:") for each in family)


def _kilobytes(path: Path, name: str) -> int:
    """The bytes of a line; 0 if the process has ended."""
    try:
        for line in path.read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) << 10
    except OSError:
        pass
    return 0


def _end(pids: set[int]) -> None:
    """End what a process has left behind: only descendants that were seen."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGTERM)
        except OSError:
            continue
