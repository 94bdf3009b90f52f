"""The same measurements on a GPU: replays of CUDA graphs, launches, waiting time, memory.

The time of a row is that of the device alone, so that it may be divided by a copy which is measured
in the same way. What a caller waits for and what the host needs are columns of their own. Not yet
run on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.gpu.cuda_device import GRAPH, CudaDevice
from benchmarks.timing import LEAST, MOST, Times, quantiles

__all__ = ["Extra", "Runners", "interleave", "peak_bytes", "sets"]

# By name: the same call on several input sets, and the context in which it runs.
Runners = Mapping[
    str, tuple[Sequence[Callable[[], Any]], Callable[[], AbstractContextManager[None]]]
]


@dataclass(frozen=True)
class Extra:
    """What a call launches, how long a caller waits and the host works, how it was timed."""

    launches: int | None
    wall_us: float
    host_us: float
    note: str


def peak_bytes(call: Callable[[], object]) -> int:
    """Bytes that the caching allocator handed out at the peak of one call."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def sets(size: int) -> int:
    """Input sets of so many bytes that do not fit into the cache together."""
    return CudaDevice().sets(size)


def interleave(
    runners: Runners,
    *,
    seconds: float,
    repeat: int | None = None,
    device: CudaDevice | None = None,
) -> tuple[dict[str, Times], dict[str, Extra]]:
    """As `timing.interleave`, by replays; the first replay of each warms up and is not counted."""
    device = device or CudaDevice()
    extra: dict[str, Extra] = {}
    take: dict[str, Callable[[], float]] = {}
    for name, (calls, context) in runners.items():
        with context():
            take[name], how = device.sampler(calls)
            take[name]()
            host, wall = device.waits(calls[0])
            note = "" if how == GRAPH else how
            extra[name] = Extra(device.launches(calls[0]), wall, host, note)
    samples: dict[str, list[float]] = {name: [] for name in runners}
    share = seconds / max(1, len(runners))
    least, most = (repeat, repeat) if repeat is not None else (LEAST, MOST)
    while True:
        waiting = [
            name
            for name, each in samples.items()
            if len(each) < least or (len(each) < most and sum(each) * len(runners[name][0]) < share)
        ]
        if not waiting:
            return {name: quantiles(each) for name, each in samples.items()}, extra
        for name in waiting:
            with runners[name][1]():
                samples[name].append(take[name]())
