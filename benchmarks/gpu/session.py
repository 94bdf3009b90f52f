"""A session: part after part within one time limit, whatever becomes of each of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import results
from benchmarks.gpu.assignment import Assignment
from benchmarks.gpu.budget import Clock, Limit, allotment
from benchmarks.gpu.parts import Part
from benchmarks.gpu.processes import Process, begin, finish
from benchmarks.results import Row

__all__ = ["Outcome", "Session", "left_out", "rows_of", "run"]

LEAST = 2.0  # seconds; with fewer a part is not started
NO_DEVICE = "ended with code 3"


@dataclass(frozen=True)
class Session:
    """What all parts of a session share: where it runs and writes, whom it compares with."""

    device: str
    out: Path
    stamp: tuple[tuple[str, str], ...] = ()  # the date and the name of the run, in every row
    peers: tuple[tuple[str, Path], ...] = ()

    @property
    def log(self) -> Path:
        """The file that holds what is printed."""
        return self.out / "gpu" / "session.log"


@dataclass(frozen=True)
class Outcome:
    """What became of a part, and how long it took."""

    part: str
    state: str
    seconds: float

    @property
    def fine(self) -> bool:
        """Whether nothing was wrong.

        >>> Outcome("grid", "fine", 1.0).fine, Outcome("grid", "stopped after 9 s", 9.0).fine
        (True, False)
        """
        return self.state == "fine"


def run(
    session: Session,
    parts: Sequence[Part],
    seconds: float,
    *,
    say: Callable[[str], None],
    process: Callable[[Assignment], Process] = begin,
    clock: Clock = time.monotonic,
    cores: int | None = None,
) -> list[Outcome]:
    """Run the parts in turn; a later part always has its share of the time that is left."""
    whole, outcomes = Limit(seconds, clock), list[Outcome]()
    for place, part in enumerate(parts):
        given = allotment(whole.left(), [each.share for each in parts[place:]])
        if given < LEAST:
            outcomes.append(Outcome(part.name, "not started: the time is over", 0.0))
            continue
        say(f"{part.name}, at {whole.spent():.0f} s, for up to {given:.0f} s")
        start = clock()
        made = [process(each) for each in _assignments(session, part, given, cores)]
        outcomes.append(Outcome(part.name, finish(made, given, clock), clock() - start))
        if outcomes[-1].state == NO_DEVICE:
            break
    return outcomes


def _assignments(
    session: Session, part: Part, seconds: float, cores: int | None
) -> list[Assignment]:
    """One process, or for a shared part one for each core but two, at least two."""
    count = max(2, (cores or os.cpu_count() or 1) - 2) if part.shared else 1
    return [
        Assignment(
            part=part.name,
            device=session.device,
            rows=session.out,
            log=session.log,
            seconds=seconds,
            page=part.page,
            shared=session.stamp,
            peers=session.peers,
            worker=worker,
            workers=count,
        )
        for worker in range(count)
    ]


def left_out(session: Session, since: int) -> list[str]:
    """Lines of the log, from a position on, that say what the time did not suffice for."""
    if not session.log.exists():
        return []
    lines = session.log.read_bytes()[since:].decode(errors="replace").splitlines()
    return [line for line in lines if " left out, " in line or " was stopped after " in line]


def rows_of(session: Session) -> list[Row]:
    """All rows of this run, from the files that its parts appended to."""
    files = [*sorted(session.out.glob("*.csv")), *sorted((session.out / "gpu").glob("*.csv"))]
    run = dict(session.stamp).get("run")
    return [row for row in results.read(files) if row.run == run]
