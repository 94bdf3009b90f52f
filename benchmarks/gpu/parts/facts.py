"""What the machine is: device, driver, clocks, versions, copies of several sizes, a launch."""

from __future__ import annotations

import platform
from dataclasses import replace

import torch
import triton

from benchmarks.floor import copier
from benchmarks.gpu.commands import Command, execute
from benchmarks.gpu.context import Context
from benchmarks.gpu.measuring import filled, line

__all__ = ["run"]

SMI = "name,driver_version,clocks.sm,clocks.mem,clocks.max.sm,clocks.max.mem,power.limit"
QUESTIONS = (
    Command("nvidia-smi", ("nvidia-smi", "-L"), 10),
    Command("nvidia-smi", ("nvidia-smi", f"--query-gpu={SMI}", "--format=csv"), 10),
)


def run(context: Context) -> None:
    """Print it all; the copies and the launch are rows."""
    for question in QUESTIONS:
        execute(context, question)
    versions = f"torch {torch.__version__}, triton {getattr(triton, '__version__', '')}"
    context.say(f"python {platform.python_version()}, {versions}")
    for text in context.device.describe():
        context.say(text)
    context.each(context.scale.copies, lambda size: f"copy {size} MiB", lambda x: _copy(context, x))
    context.each(["smallest launch"], str, lambda _: _launch(context))


def _copy(context: Context, mebibytes: int) -> None:
    size = mebibytes << 20
    device = context.device
    calls = [copier(size, device.tensors) for _ in range(device.sets(size))]
    row = context.row("copy", shape=f"{mebibytes} MiB", contestant="torch", moved_bytes=size)
    row = filled(row, device.measure(calls))
    context.add(row)
    speed = f", {size / row.p50_us / 1e6:.2f} TB/s" if row.p50_us else ""
    context.say(line(row) + speed)


def _launch(context: Context) -> None:
    """A kernel that does nothing worth mentioning, 16 of them in a row."""
    x = torch.zeros(1, device=context.device.tensors)
    row = context.row("smallest launch", contestant="torch", note="a number is increased")
    row = filled(row, context.device.measure([lambda: x.add_(1)] * 16))
    context.add(replace(row, moved_bytes=8))
    context.say(line(row))
