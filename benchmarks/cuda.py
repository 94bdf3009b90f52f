"""The same measurements on a GPU: events, a cold L2, launches, graph replay. Not yet run on a GPU.

Wall time on a GPU is what a trainer waits for, so a sample is one call between two events with the
L2 overwritten before it; small work therefore shows the cost of its launches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.timing import LEAST, MOST, Runner, Times, quantiles

__all__ = ["Extra", "interleave", "peak_bytes"]

L2_BYTES = 256 << 20  # more than any L2 so far


@dataclass(frozen=True)
class Extra:
    """Kernels that one call launches, and a replay of its CUDA graph (None: cannot be captured)."""

    launches: int | None
    graph_us: float | None


def peak_bytes(call: Callable[[], object]) -> int:
    """Bytes that the caching allocator handed out at the peak of one call."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def interleave(
    runners: Mapping[str, Runner], *, seconds: float, repeat: int | None = None
) -> tuple[dict[str, Times], dict[str, Extra]]:
    """As `timing.interleave`, with events; the first call of each warms up and is not counted."""
    flush = torch.empty(L2_BYTES, dtype=torch.uint8, device="cuda")
    extra: dict[str, Extra] = {}
    for name, (call, context) in runners.items():
        with context():
            call()
            extra[name] = Extra(_launches(call), _graph(call, flush))
    samples: dict[str, list[float]] = {name: [] for name in runners}
    share = seconds / max(1, len(runners))
    least, most = (repeat, repeat) if repeat is not None else (LEAST, MOST)
    while True:
        waiting = [
            name
            for name, each in samples.items()
            if len(each) < least or (len(each) < most and sum(each) < share)
        ]
        if not waiting:
            return {name: quantiles(each) for name, each in samples.items()}, extra
        for name in waiting:
            call, context = runners[name]
            with context():
                samples[name].append(_sample(call, flush))


def _sample(call: Callable[[], Any], flush: torch.Tensor) -> float:
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    flush.zero_()
    torch.cuda.synchronize()
    begin.record()
    call()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) * 1e-3


def _launches(call: Callable[[], Any]) -> int | None:
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        call()
        torch.cuda.synchronize()
    events: Any = profile.events()
    return sum(1 for event in events if event.device_type.name == "CUDA")


def _graph(call: Callable[[], Any], flush: torch.Tensor) -> float | None:
    """Microseconds of a replay; None for calls that wait for the device or allocate outside."""
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            call()
    except Exception:  # a capture that fails says so in many ways
        torch.cuda.synchronize()
        return None
    return quantiles([_sample(graph.replay, flush) for _ in range(20)]).p50 * 1e6
