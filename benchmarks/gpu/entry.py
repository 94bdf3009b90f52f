"""Where the process of a part begins."""

from __future__ import annotations

import importlib
import os
import sys
import traceback

from benchmarks.gpu.assignment import Assignment

__all__ = ["NO_DEVICE", "carry_out", "work"]

SOFT = 0.9  # of its time, after which a part begins nothing new
NO_DEVICE = 3  # exit code


def work(given: Assignment) -> None:
    """Run a part; exit code 0 if all is well, 1 if something is wrong, 3 without a device."""
    os.setsid()
    sys.exit(carry_out(given))


def carry_out(given: Assignment) -> int:
    """Run a part in this process; its exit code."""
    import torch

    from benchmarks.gpu.budget import Limit
    from benchmarks.gpu.context import Context
    from benchmarks.gpu.device import NoDeviceError, open_device
    from benchmarks.gpu.scale import SCALES
    from benchmarks.machine import facts

    limit = Limit(given.seconds * SOFT)
    try:
        device = open_device(given.device)
    except NoDeviceError as error:
        sys.stdout.write(f"{error}\n")
        return NO_DEVICE
    columns = facts("cuda" if given.device == "cuda" else "cpu") | {"device": given.device}
    name = f"{columns['machine']}.csv"
    context = Context(
        part=given.part,
        device=device,
        limit=limit,
        scale=SCALES[given.device],
        rows=given.rows / name if given.page else given.rows / "gpu" / name,
        log=given.log,
        shared=dict(given.shared) | columns,
        peers=dict(given.peers),
        worker=given.worker,
        workers=given.workers,
    )
    try:
        with torch.no_grad():
            importlib.import_module(f"benchmarks.gpu.parts.{given.part}").run(context)
    except Exception as error:  # whatever it was, the other parts are still wanted
        traceback.print_exc()
        context.problem(given.part, f"{type(error).__name__}: {error}")
    return int(context.problems > 0)
