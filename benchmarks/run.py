"""Runs rows of the grid: gate, memory, then everybody in turn against the floor."""

from __future__ import annotations

import contextlib
import datetime
import functools
import time
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks import allocator, cuda, default_process
from benchmarks.floor import copier, moved
from benchmarks.gate import refusal
from benchmarks.machine import facts
from benchmarks.results import Row
from benchmarks.timing import Times, interleave
from benchmarks.work import Contestant, Peer, Plan, Work, forced, on_threads, outputs

__all__ = ["Setting", "lineup", "measure", "setting"]

FLOOR, COPY = "(floor)", "(copy of the results)"
SCALING_SECONDS = 0.4
LARGE_REFERENCE = 20 << 20  # its fresh pages would take longer than all the rest of the row
MOST_COLUMNS = 8192  # that the torch reference walks on a GPU, some launches for each
PAGES_TELL = 1 << 20  # memory is counted in pages: below this a tensor is too small to say


@dataclass(frozen=True)
class Setting:
    """What a run shares: where it runs, who takes part, for how long."""

    device: str = "cpu"
    backends: Sequence[str] = ("auto", "torch")
    peers: Mapping[str, Peer] = field(default_factory=dict)
    seconds: float = 2.0
    repeat: int | None = None
    slow: bool = False
    default: bool = False  # also in a process with the allocator's own settings
    paths: Mapping[str, Path] = field(default_factory=dict)  # checkouts of peers
    shared: Mapping[str, str] = field(default_factory=dict)


def setting(**options: Any) -> Setting:
    """A setting with the columns that all its rows share."""
    made = Setting(**options)
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp = {"date": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "run": uuid.uuid4().hex[:8]}
    return replace(made, shared=stamp | facts(made.device))


def lineup(plan: Plan, work: Work, here: Setting) -> tuple[list[Contestant], dict[str, str]]:
    """(who takes part, why others do not): ours fresh and with `out=`, other backends, peers."""
    contestants: list[Contestant] = []
    failed: dict[str, str] = {}
    for backend in here.backends:
        if backend == "torch" and plan.axis:
            continue  # the gate runs it; its time at every size tells nothing more
        if backend == "torch" and here.device == "cuda" and _columns(work) > MOST_COLUMNS:
            failed["creditlib, torch"] = "left out: it launches kernels for every column"
            continue
        ours = backend != "torch"
        side = "ours" if ours else "reference"
        name = "creditlib" if backend == "auto" else f"creditlib, {backend}"
        contestants.append(Contestant(name, side, work.ours, backend=backend))
        if work.into is not None and ours:
            contestants.append(Contestant(f"{name}, out=", side, work.into, backend=backend))
    if plan.axis:
        return contestants, failed
    for peer in here.peers.values():
        for label, offer in peer.offers.get(plan.op, ()):
            name = f"{peer.name} {label}"
            try:
                offered = offer(work.batch)
            except Exception as error:  # the code of others may raise anything: go on
                failed[name] = f"{type(error).__name__}: {str(error)[:160]}"
                continue
            if offered is not None and offered.slow and not here.slow:
                failed[name] = f"left out, {offered.slow}; --slow runs it"
            elif offered is not None:
                contestants.append(
                    Contestant(
                        name,
                        "peer",
                        offered.call,
                        offered.view,
                        version=peer.version,
                        note=offered.note,
                    )
                )
    return contestants, failed


def _columns(work: Work) -> int:
    turn = work.batch.get("turn")
    return 0 if turn is None else int(turn.shape[-1])


def measure(plan: Plan, here: Setting) -> list[Row]:
    """The rows of one input. Who does not agree with the reference gets a row without numbers."""
    with torch.no_grad(), on_threads(plan.threads):
        work = plan.build(here.device)
        contestants, refused = lineup(plan, work, here)
        truth = _truth(work)
        size = moved(work.inputs, truth)
        copied = 2 * moved((), truth)
        passed: list[Contestant] = []
        peaks: dict[str, float | None] = {}
        known: dict[str, float] = {}
        for each in contestants:
            reason, peak, seconds = _gate(each, truth, work, here.device)
            peaks[each.name] = peak
            known[each.name] = seconds
            if reason:
                refused[each.name] = reason
            else:
                passed.append(each)
        del truth
        seconds = min(here.seconds, SCALING_SECONDS) if plan.axis else here.seconds
        if here.device == "cuda":
            times, extra = _cuda_times(plan, passed, (size, copied), here, seconds)
        else:
            times, extra = _times(passed, work, (size, copied), here, seconds, known), {}
        defaults = default_process.of_row(plan, passed, times, work, here)
    floor, copy = times.pop(FLOOR), times.pop(COPY)
    base = replace(
        Row(**here.shared),  # type: ignore[arg-type]
        op=plan.op,
        shape=plan.shape,
        variant=plan.variant,
        axis=plan.axis,
        x=plan.x or None,
        floor_us=floor.p50 * 1e6,
        copy_us=copy.p50 * 1e6,
        moved_bytes=size,
        why=plan.why,
        threads=str(plan.threads) if plan.threads else here.shared.get("threads", ""),
    )
    rows = [
        replace(
            _row(base, each, times[each.name], peaks, extra), default_us=defaults.get(each.name)
        )
        for each in passed
    ]
    return rows + [
        replace(base, contestant=name, refused=reason) for name, reason in refused.items()
    ]


def _truth(work: Work) -> tuple[torch.Tensor, ...]:
    with forced("torch"):
        return outputs(work.ours())


def _row(
    base: Row,
    each: Contestant,
    measured: Times,
    peaks: Mapping[str, float | None],
    extra: Mapping[str, cuda.Extra],
) -> Row:
    more = extra.get(each.name)
    return replace(
        base,
        contestant=each.name,
        side=each.side,
        p20_us=measured.p20 * 1e6,
        p50_us=measured.p50 * 1e6,
        p80_us=measured.p80 * 1e6,
        repeats=measured.repeats,
        peak_tensors=peaks[each.name],
        launches=more.launches if more else None,
        wall_us=more.wall_us if more else None,
        host_us=more.host_us if more else None,
        note=", ".join(filter(None, (each.note, more.note if more else ""))),
        version=each.version,
    )


def _gate(
    each: Contestant, truth: tuple[torch.Tensor, ...], work: Work, device: str
) -> tuple[str, float | None, float]:
    """(why refused, peak memory in token tensors, seconds). Ours runs twice: it may compile."""
    kept: list[Any] = []
    took: list[float] = []
    tells = work.token_bytes >= PAGES_TELL

    def call() -> None:
        start = time.perf_counter()
        kept[:] = [each.call()]
        took.append(time.perf_counter() - start)

    probe = cuda.peak_bytes if device == "cuda" else allocator.peak_bytes
    try:
        with forced(each.backend):
            if each.side == "peer" and tells:
                peak = probe(call)
            else:
                call()
                peak = None
            reason = refusal(each, kept[0], truth)
            kept.clear()
            large = each.side == "reference" and work.token_bytes > LARGE_REFERENCE
            if not reason and each.side != "peer" and tells and not large:
                peak = probe(each.call)
    except Exception as error:  # the code of others may raise anything: go on
        return f"{type(error).__name__}: {str(error)[:160]}", None, 0.0
    return reason, None if peak is None else peak / work.token_bytes, took[0]


@contextlib.contextmanager
def _one_backend(name: str, before: Callable[[], Any] = contextlib.nullcontext) -> Generator[None]:
    with forced(name), before():
        yield


def _times(
    passed: Sequence[Contestant],
    work: Work,
    sizes: tuple[int, int],
    here: Setting,
    seconds: float,
    known: Mapping[str, float],
) -> dict[str, Times]:
    """Seconds a call, floor and copy among them."""
    runners: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        name: (copier(size, here.device), contextlib.nullcontext)
        for name, size in zip((FLOOR, COPY), sizes, strict=True)
    }
    for each in passed:
        context = functools.partial(_one_backend, each.backend, work.before)
        runners[each.name] = (each.call, context)
    allocator.warm(sizes[0])
    return interleave(runners, seconds=seconds, repeat=here.repeat, known=known)


def _cuda_times(
    plan: Plan, passed: Sequence[Contestant], bytes: tuple[int, int], here: Setting, seconds: float
) -> tuple[dict[str, Times], dict[str, cuda.Extra]]:
    """The same on a GPU, over input sets that leave its cache; and what else is known there."""
    sets = cuda.sets(bytes[0])
    contexts = {x.name: functools.partial(_one_backend, x.backend) for x in passed}
    calls = {each.name: [each.call] for each in passed}
    for _ in range(sets - 1):
        for each in lineup(plan, plan.build(here.device), here)[0]:
            if each.name in calls:
                calls[each.name].append(each.call)
    runners: dict[str, Any] = {
        name: ([copier(size, here.device) for _ in range(sets)], contextlib.nullcontext)
        for name, size in zip((FLOOR, COPY), bytes, strict=True)
    }
    runners |= {name: (calls[name], contexts[name]) for name in calls}
    return cuda.interleave(runners, seconds=seconds, repeat=here.repeat)
