"""A row of the grid on a device: built several times, compared with the CPU, measured, written."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

import creditlib as cl
from benchmarks import inputs
from benchmarks.floor import moved
from benchmarks.gpu.context import Context
from benchmarks.gpu.device import Call, Device, Measured
from benchmarks.grid.shapes import Shape
from benchmarks.grid.tokens import plan
from benchmarks.results import Row
from benchmarks.show import duration
from benchmarks.work import Batch, Plan, Work, forced, outputs

__all__ = [
    "built",
    "changed",
    "filled",
    "gae_plan",
    "kept_inputs",
    "line",
    "measure_plan",
    "truth",
    "write",
]


@contextlib.contextmanager
def kept_inputs() -> Generator[None]:
    """Within it the tokens of a shape are made once, however often and wherever they are placed."""
    usual = inputs.tokens
    inputs.tokens = functools.lru_cache(maxsize=2)(usual)
    try:
        yield
    finally:
        inputs.tokens = usual


@contextlib.contextmanager
def changed(module: Any, **values: Any) -> Generator[None]:
    """Within it constants of a module have other values; a name that it lacks is an error."""
    usual = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in usual.items():
            setattr(module, name, value)


def gae_plan(rows: int, width: int, turns: int, variant: str) -> Plan:
    """GAE at a shape that the grid does not have; the words of a variant are the grid's."""

    def make(batch: Batch, shape: Shape) -> Work:
        read = [batch[name] for name in ("token_reward", "value", "turn")]
        given = dict(zip(("token_reward", "value", "turn"), read, strict=True))
        return Work(batch, lambda: cl.gae(**given, gamma=0.99, lam=0.95), tuple(read))

    return plan("gae", Shape(rows, width, turns, "which form is best"), variant, make)


@functools.lru_cache(maxsize=2)
def truth(plan: Plan) -> tuple[Tensor, ...]:
    """The result of the reference on the same input, on the CPU; several forms have one."""
    work = plan.build("cpu")
    with forced("torch"):
        return outputs(work.ours())


def built(plan: Plan, device: Device) -> tuple[list[Work], int, tuple[Tensor, ...]]:
    """(the same work on as many input sets as leave the caches, bytes of a call, a result)."""
    first = plan.build(device.tensors)
    result = outputs(first.ours())
    size = moved(first.inputs, result)
    more = [plan.build(device.tensors) for _ in range(device.sets(size) - 1)]
    return [first, *more], size, result


def filled(row: Row, measured: Measured) -> Row:
    """A row with what was measured; device time is its time."""
    times = measured.times
    return replace(
        row,
        p20_us=None if times is None else times.p20 * 1e6,
        p50_us=None if times is None else times.p50 * 1e6,
        p80_us=None if times is None else times.p80 * 1e6,
        repeats=None if times is None else times.repeats,
        wall_us=measured.wall_us,
        host_us=measured.host_us,
        launches=measured.launches,
        torch_launches=measured.torch_launches,
        note=", ".join(part for part in (row.note, measured.how) if part),
    )


def line(row: Row) -> str:
    """What is printed of a row as it comes."""
    if row.refused:
        return f"{row.key:60} {row.contestant:24} no number: {row.refused}"
    share = (
        f"{100 * row.floor_us / row.p50_us:5.1f} % of copy" if row.floor_us and row.p50_us else ""
    )
    parts = [f"device {duration(row.p50_us)}"] if row.p50_us else []
    parts += [f"wall {duration(row.wall_us)}"] if row.wall_us else []
    parts += [f"host {duration(row.host_us)}"] if row.host_us else []
    parts += [f"{row.launches} launches"] if row.launches is not None else []
    parts += [share] if share else []
    return f"{row.key:60} {row.contestant:24} {', '.join(parts)}"


def write(context: Context, row: Row, calls: Sequence[Call], size: int) -> None:
    """Measure calls, divide a copy of as many bytes by them, append the row and print it."""
    measured = context.device.measure(calls)
    floor = context.device.copy_us(size, len(calls))
    done = replace(filled(row, measured), floor_us=floor, moved_bytes=size)
    context.add(done)
    context.say(line(done))


def measure_plan(
    context: Context, plan: Plan, contestant: str = "creditlib", *, gate: bool = True
) -> None:
    """Ours with fresh results and with `out=`; a wrong result is a problem and gets no number."""
    context.device.forget()
    works, size, result = built(plan, context.device)
    base = context.row(plan.op, shape=plan.shape, variant=plan.variant, side="ours", why=plan.why)
    wrong = context.device.refusal(result, lambda: truth(plan)) if gate else ""
    if wrong:
        context.problem(
            plan.op, wrong, shape=plan.shape, variant=plan.variant, contestant=contestant
        )
        return
    del result
    kinds: list[tuple[str, list[Callable[[], Any]]]] = [(contestant, [w.ours for w in works])]
    into = [w.into for w in works if w.into is not None]
    if into and gate:
        kinds.append((f"{contestant}, out=", into))
    for name, calls in kinds:
        write(context, replace(base, contestant=name), calls, size)
