"""A GPU: device time by replay of CUDA graphs over input sets that do not fit into its L2 cache.

A graph holds one call on each input set, and its results stay alive while it is recorded, so every
call writes memory of its own. A call that cannot be captured is timed by events around a queue of
calls. A copy of as many bytes is measured in the same way, so one time may be divided by the other.
Not yet run on a GPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.floor import copier
from benchmarks.gpu.budget import Clock
from benchmarks.gpu.device import Call, Measured, NoDeviceError, Truth
from benchmarks.timing import Times, quantiles
from creditlib.testing import agree

__all__ = ["GRAPH", "QUEUE", "CudaDevice", "sets_of"]

GRAPH, QUEUE = "graph replay", "events over a queue of calls"
LEAST, MOST, SECONDS = 5, 50, 0.02  # replays of one graph
USUAL_CACHE = 64 << 20  # where torch does not say
FEWEST_SETS, MOST_SETS = 2, 16
WAITS = 15  # calls from an idle device


def sets_of(size: int, cache: int) -> int:
    """Input sets of so many bytes that together are twice as large as a cache, 16 at the most.

    Smaller work than that stays in the cache, and so does its copy.

    >>> sets_of(71 << 20, 50 << 20), sets_of(20 << 20, 50 << 20), sets_of(1000, 50 << 20)
    (2, 5, 16)
    """
    return max(FEWEST_SETS, min(MOST_SETS, -(-2 * cache // max(1, size))))


class CudaDevice:
    """The current GPU. `cuda` is torch.cuda, or what a test puts in its place."""

    kind, tensors = "cuda", "cuda"

    def __init__(self, cuda: Any = torch.cuda, clock: Clock = time.perf_counter) -> None:
        if not cuda.is_available():
            raise NoDeviceError("there is no GPU here")
        self._cuda, self._clock = cuda, clock
        self._cache = int(getattr(cuda.get_device_properties(0), "L2_cache_size", USUAL_CACHE))
        self._copies: dict[tuple[int, int], float] = {}

    def sets(self, size: int) -> int:
        return sets_of(size, self._cache)

    def sampler(self, calls: Sequence[Call]) -> tuple[Callable[[], float], str]:
        """(a function that takes one sample of the seconds of a call, how it takes it)."""
        for call in calls:
            call()
        self._cuda.synchronize()
        graph, results = self._cuda.CUDAGraph(), []
        try:
            with self._cuda.graph(graph):
                results += [call() for call in calls]
        except Exception:  # a capture that fails says so in many ways
            self._cuda.synchronize()
            return lambda: self._between_events(calls) / len(calls), QUEUE
        kept = (graph, results)  # a graph writes to the memory of its results at every replay
        return lambda: self._between_events([kept[0].replay]) / len(calls), GRAPH

    def _between_events(self, calls: Sequence[Call]) -> float:
        begin, end = (self._cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for call in calls:
            call()
        end.record()
        end.synchronize()
        return float(begin.elapsed_time(end)) * 1e-3

    def device_times(self, calls: Sequence[Call]) -> tuple[Times, str]:
        """(seconds of a call on the device, how they were taken); the first replay warms up."""
        sample, how = self.sampler(calls)
        sample()
        samples: list[float] = []
        start = self._clock()
        while len(samples) < LEAST or (len(samples) < MOST and self._clock() - start < SECONDS):
            samples.append(sample())
        return quantiles(samples), how

    def measure(self, calls: Sequence[Call]) -> Measured:
        times, how = self.device_times(calls)
        host, wall = self.waits(calls[0])
        return Measured(times, how, wall, host, self.launches(calls[0]))

    def waits(self, call: Call) -> tuple[float, float]:
        """(microseconds until a call returns, until its result is there); the device is idle."""
        host: list[float] = []
        wall: list[float] = []
        for _ in range(WAITS):
            self._cuda.synchronize()
            start = self._clock()
            call()
            host.append((self._clock() - start) * 1e6)
            self._cuda.synchronize()
            wall.append((self._clock() - start) * 1e6)
        return quantiles(host).p50, quantiles(wall).p50

    def launches(self, call: Call) -> int | None:
        """What the profiler sees of one call on the device; None where it sees nothing at all."""
        activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
        try:
            with torch.profiler.profile(activities=activities) as profile:
                call()
                self._cuda.synchronize()
            events: Any = profile.events()
        except RuntimeError:  # a machine that does not let its counters be read
            return None
        return sum(1 for event in events if event.device_type.name == "CUDA") or None

    def copy_us(self, size: int, sets: int) -> float | None:
        key = (size, sets)
        if key not in self._copies:
            calls = [copier(size, self.tensors) for _ in range(sets)]
            self._copies[key] = self.device_times(calls)[0].p50 * 1e6
        return self._copies[key]

    def refusal(self, got: Sequence[Tensor], truth: Truth) -> str:
        wanted = truth()
        if len(got) > len(wanted) or not got:
            return f"gives {len(got)} results, the reference {len(wanted)}"
        for number, (one, other) in enumerate(zip(got, wanted, strict=False)):
            if one.shape != other.shape:
                return f"result {number} is {tuple(one.shape)}, not {tuple(other.shape)}"
            here = one.to(other.device)
            if not agree(here, other):
                gap = (here - other).abs().nan_to_num(nan=float("inf")).max()
                return f"result {number} differs from the reference by up to {float(gap):.3g}"
        return ""

    def same_bits(self, one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
        return len(one) == len(other) and all(map(torch.equal, one, other))

    def describe(self) -> list[str]:
        found = self._cuda.get_device_properties(0)
        return [
            f"{found.name}: sm_{found.major}{found.minor}, {found.multi_processor_count} "
            f"multiprocessors, {found.total_memory >> 30} GiB, L2 {self._cache >> 20} MiB"
        ]

    def forget(self) -> None:
        self._cuda.empty_cache()
