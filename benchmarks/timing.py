"""Times on a noisy machine: contestants take turns in rounds, and medians are compared."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

__all__ = ["Times", "interleave", "quantiles"]

# A sample shorter than this is repeated inside one pair of clock readings.
SHORTEST = 400e-6
LEAST, MOST = 3, 300
WARMED, SLOW = 0.1, 5.0  # seconds

Runner = tuple[Callable[[], Any], Callable[[], AbstractContextManager[None]]]


@dataclass(frozen=True)
class Times:
    """Seconds per call: the 20th, 50th and 80th percentile over `repeats` samples."""

    p20: float
    p50: float
    p80: float
    repeats: int


def quantiles(samples: list[float]) -> Times:
    """Percentiles by the nearest rank.

    >>> quantiles([3.0, 1.0, 2.0, 5.0, 4.0])
    Times(p20=2.0, p50=3.0, p80=4.0, repeats=5)
    """
    ordered = sorted(samples)
    last = len(ordered) - 1
    low, middle, high = (ordered[round(share * last)] for share in (0.2, 0.5, 0.8))
    return Times(low, middle, high, len(ordered))


def interleave(
    runners: Mapping[str, Runner],
    *,
    seconds: float,
    repeat: int | None = None,
    known: Mapping[str, float] | None = None,
) -> dict[str, Times]:
    """Every contestant in turn, round after round, until its share of the seconds is used up.

    Slow ones drop out of later rounds but run at least LEAST times. `repeat` fixes the rounds.
    `known` are seconds that a call took before: from WARMED on it needs no warming, from SLOW on
    an allocator is no matter, and it is a sample.
    """
    before = {name: (known or {}).get(name, 0.0) for name in runners}
    loops = {name: 1 if before[name] >= WARMED else _loops(*each) for name, each in runners.items()}
    samples = {name: [each] if each >= SLOW else [] for name, each in before.items()}
    share = seconds / max(1, len(runners))
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        while True:
            waiting = [
                name for name in runners if _wants(samples[name], loops[name], share, repeat)
            ]
            if not waiting:
                break
            for name in waiting:
                samples[name].append(_sample(*runners[name], loops[name]))
    finally:
        if collecting:
            gc.enable()
    return {name: quantiles(each) for name, each in samples.items()}


def _wants(samples: list[float], loops: int, share: float, repeat: int | None) -> bool:
    if repeat is not None:
        return len(samples) < max(1, repeat)
    if len(samples) < LEAST:
        return True
    return len(samples) < MOST and sum(samples) * loops < share


def _loops(call: Callable[[], Any], context: Callable[[], AbstractContextManager[None]]) -> int:
    """How often a call is repeated within a sample; the first call warms up."""
    with context():
        start = time.perf_counter()
        call()
        once = time.perf_counter() - start
        if once > SHORTEST:
            return 1
        start = time.perf_counter()
        call()
        once = time.perf_counter() - start
    return max(1, int(SHORTEST / max(once, 1e-7)))


def _sample(
    call: Callable[[], Any], context: Callable[[], AbstractContextManager[None]], loops: int
) -> float:
    with context():
        start = time.perf_counter()
        for _ in range(loops):
            call()
        return (time.perf_counter() - start) / loops
