"""All kernels of the parts that follow, compiled beforehand by a process on each core.

Each process runs its share of their calls once on the device, so that Triton's cache on the disk
holds what the other parts launch, with the arguments that they launch it with. What fails here
fails again there, and is said there.
"""

from __future__ import annotations

import importlib

import torch

from benchmarks.gpu.context import Context

__all__ = ["FOLLOWING", "run"]

FOLLOWING = ("grid", "right", "forms", "statistics", "counters")


def run(context: Context) -> None:
    """Run this process's share of all items of the parts that follow."""
    torch.set_num_threads(1)
    for name in FOLLOWING:
        part = importlib.import_module(f"benchmarks.gpu.parts.{name}")
        part.prepare(context.once(name))
    context.say(f"process {context.worker} ended after {context.limit.spent():.0f} s")
