"""The same call in a process with glibc's own settings: `python -m benchmarks.default_process`.

The process of a run has a warm allocator. This is a process of its own for one row: it makes the
input, calls, and answers with microseconds. A result lives until the next one has been made, as in
a loop that assigns it to a name.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchmarks import grid, peers
from benchmarks.machine import ROOT
from benchmarks.timing import Times
from benchmarks.work import Contestant, Plan, Work, forced

if TYPE_CHECKING:
    from benchmarks.run import Setting

__all__ = ["SMALLEST", "ask", "clean", "in_turn", "of_row", "reply"]

SMALLEST = 8 << 20  # bytes of a token tensor: below this glibc soon keeps what is freed
SLOW_PEER = 0.2  # seconds: what a peer allocates is a small part of such a call
LEAST, MOST, SETTLING = 5, 60, 2
LIMIT = 180.0  # seconds for a process
VARIABLES = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without settings of the allocator, or another allocator.

    >>> clean({"HOME": "/", "MALLOC_MMAP_MAX_": "0", "LD_PRELOAD": "libjemalloc.so"})
    {'HOME': '/'}
    """
    return {name: text for name, text in environment.items() if not name.startswith(VARIABLES)}


def of_row(
    plan: Plan, passed: Sequence[Contestant], times: Mapping[str, Times], work: Work, here: Setting
) -> dict[str, float]:
    """Microseconds of ours and of the fastest peer, for rows on which allocation tells."""
    if not here.default or plan.axis or work.token_bytes < SMALLEST:
        return {}
    peers = sorted((times[each.name].p50, each.name) for each in passed if each.side == "peer")
    names = [each.name for each in passed if each.side == "ours" and "out=" not in each.name]
    names += [name for time, name in peers[:1] if time < SLOW_PEER]
    threads = torch.get_num_threads()
    return ask(plan.key, names, seconds=here.seconds / 4, threads=threads, paths=here.paths)


def ask(
    key: str,
    names: Sequence[str],
    *,
    seconds: float,
    threads: int,
    paths: Mapping[str, Path] | None = None,
) -> dict[str, float]:
    """Microseconds of contestants of a row, each in turn in one new process."""
    request = {
        "key": key,
        "names": list(names),
        "seconds": seconds,
        "threads": threads,
        "paths": {name: str(path) for name, path in (paths or {}).items()},
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.default_process"],
        cwd=ROOT,
        env=clean(os.environ),
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise OSError(f"{key} in a process of its own: {reason}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def reply(request: Mapping[str, Any]) -> dict[str, float]:
    """What the new process answers."""
    from benchmarks.run import lineup, setting  # here: run.py asks this module

    torch.set_num_threads(request["threads"])
    plans: dict[str, Plan] = {plan.key: plan for plan in grid.plans()}
    plan = plans[request["key"]]
    paths = {name: Path(path) for name, path in request["paths"].items()}
    known = [name for name in peers.NAMES if any(_is_of(x, name) for x in request["names"])]
    found, _ = peers.find({name: path for name, path in paths.items() if name in known}, known)
    work = plan.build("cpu")
    contestants, _ = lineup(plan, work, setting(peers=found, slow=True))
    by_name: dict[str, Contestant] = {each.name: each for each in contestants}
    times: dict[str, float] = {}
    for name in request["names"]:
        each = by_name[name]
        with forced(each.backend):
            times[name] = in_turn(each.call, work.before, request["seconds"]) * 1e6
    return times


def _is_of(contestant: str, adapter: str) -> bool:
    """Whether a contestant is one of an adapter's: names in its labels may have blanks."""
    return contestant.startswith((f"{adapter} ", f"{adapter.replace('_', ' ')} "))


def in_turn(
    call: Callable[[], Any],
    before: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    seconds: float = 0.5,
) -> float:
    """The median time of calls one after the other; the first ones compile and are not counted."""
    samples: list[float] = []
    begin = time.perf_counter()
    kept: Any = None
    while len(samples) < LEAST + SETTLING or (
        len(samples) < MOST and time.perf_counter() - begin < seconds
    ):
        with before():
            start = time.perf_counter()
            kept = call()
            samples.append(time.perf_counter() - start)
    del kept
    return statistics.median(samples[SETTLING:])


def main() -> None:
    """Read a request, write a line of JSON."""
    request = json.loads(sys.stdin.read())
    with torch.no_grad():
        times = reply(request)
    sys.stdout.write("\n" + json.dumps(times) + "\n")


if __name__ == "__main__":
    main()
