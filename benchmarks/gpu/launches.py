"""What each row of the grid launches, and the host time of calls, by the stand-in driver.

Every shape is the one of the grid. Tensors have no values, so nothing is computed. The rows go to
`benchmarks/results/predicted/launches.csv`, which is written anew. No time of a device is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks import grid, results
from benchmarks.gpu.device import Device
from benchmarks.gpu.measuring import filled, kept_inputs
from benchmarks.gpu.scale import HOST_ONLY
from benchmarks.results import Row
from benchmarks.work import Plan

__all__ = ["chosen", "count", "write"]


def chosen() -> list[Plan]:
    """The rows of the grid that run on a GPU."""
    plans = [plan for plan in grid.plans() if not plan.axis]
    return [plan for plan in plans if not any(word in plan.key for word in HOST_ONLY)]


def count(plan: Plan, device: Device, base: Row) -> list[Row]:
    """Ours with fresh results and with `out=`."""
    work = plan.build(device.tensors)
    row = replace(
        base, op=plan.op, shape=plan.shape, variant=plan.variant, side="ours", why=plan.why
    )
    calls = {"creditlib": work.ours} | ({"creditlib, out=": work.into} if work.into else {})
    return [
        filled(replace(row, contestant=name), device.measure([call]))
        for name, call in calls.items()
    ]


def write(
    path: Path,
    device: Device,
    shared: dict[str, str],
    say: Callable[[Row], None],
    plans: Sequence[Plan] | None = None,
) -> None:
    """Count all rows into a file that takes the place of the one before."""
    anew = path.with_suffix(".anew")
    anew.unlink(missing_ok=True)
    with torch.no_grad(), kept_inputs():
        for plan in chosen() if plans is None else plans:
            rows = count(plan, device, Row(**shared))  # type: ignore[arg-type]
            results.append(anew, rows)
            for row in rows:
                say(row)
    anew.replace(path)
