"""What the compiler made of the kernels that a call launches, counted for an H100 without a GPU.

    python -m benchmarks.machine_code [--only PART] [--label after] [--write]

runs each call of `gpu/counted_calls.py` with the stand-in for Triton's driver. It prints a row for
each launch and one for the call (kernel `all`). `--write` puts the rows into the file
results/predicted/kernels-sm90.csv, in the place of rows with the same label, Triton, call and
kernel. Nothing here is a measurement.

label               before or after a change of the kernels, or any other word
triton, target      the compiler's version, and the compute capability it compiled for
call, unit          the call and its shape; what it has many of, a token or a value
kernel, programs    the kernel and its grid; `all`: the sums over the launches of the call
warps, constants    of a program
registers, stack,   of a thread; bytes of stack; instructions that access local memory: the last two
local, shared       are spills; bytes of shared memory of a program
instructions        in the program; barriers, shuffles, atomics and float64 are among them
least, most         instructions of a thread for each unit, on the shortest and the longest way
                    through the program, loops passed as often as the units of a program need
bytes               that the launch moves for each unit: each of its tensors once
needed              that the call has to move for each unit: inputs and results once
resident            programs that an H100 holds at once, by registers, shared memory and threads
h100_us, h200_us    predicted: the longer of the bytes at 92 % of the bandwidth of a copy and the
                    instructions (mean of least and most) at 60 % of the issue rate, the latter
                    longer where some multiprocessors get one program more than others
h100_share, ...     predicted: a copy of the needed bytes, as a share of the predicted time

The prediction knows neither latency nor shared memory, so it is an optimistic bound.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu import code_paths, cubin, stand_in_driver
from benchmarks.gpu.counted_calls import CASES, Case

__all__ = ["FILE", "rows_of", "write"]

FILE = Path(__file__).parent / "results" / "predicted" / "kernels-sm90.csv"
TARGET, MULTIPROCESSORS, CLOCK = 90, 132, 1.755e9
COPY = {"h100": 3.0e12, "h200": 4.3e12}  # bytes a second that a copy reads and writes together
OF_COPY, OF_ISSUE = 0.92, 0.6
ISSUE = 4 * 32 * CLOCK * MULTIPROCESSORS  # instructions of threads a second
KEY = ("label", "triton", "call", "kernel")


def _units_of_pass(constants: Mapping[str, Any]) -> int:
    """How many units a program looks at in one pass of its loops."""
    if "CHUNK" in constants:
        return constants["CHUNK"]
    return constants.get("BLOCK") or constants.get("COLS", 1) * constants.get("ROWS", 1)


def resident(registers: int, shared: int, warps: int) -> int:
    """Programs that all multiprocessors of an H100 hold at once.

    >>> resident(88, 4096, 4) // MULTIPROCESSORS
    5
    """
    by_registers = 65536 // (math.ceil(registers / 8) * 8 * 32) // warps
    each = min(by_registers, 233472 // (shared + 1024), 64 // warps, 32)
    return max(each, 1) * MULTIPROCESSORS


def _seconds(work: float, moved: float, programs: int, copy: float) -> float:
    """The predicted time of a launch: its instructions of threads, its bytes."""
    # Some multiprocessors get one program more than others.
    uneven = math.ceil(programs / MULTIPROCESSORS) * MULTIPROCESSORS / programs
    return max(moved / (OF_COPY * copy), work * uneven / (OF_ISSUE * ISSUE))


def _launch_row(case: Case, launch: stand_in_driver.Launch) -> dict[str, Any]:
    code, programs = cubin.read(launch.binary.cubin), math.prod(launch.grid)
    each = case.share.get(launch.kernel, math.ceil(case.units / programs))
    passes = max(1, math.ceil(each / _units_of_pass(launch.binary.constants)))
    ways = code_paths.paths(code.listing, passes)
    threads = 32 * launch.binary.warps * programs
    least, most = (n * threads / case.units for n in (ways.least, ways.most))
    held = resident(code.registers, launch.binary.shared, launch.binary.warps)
    moved, work = launch.tensor_bytes, (least + most) / 2 * case.units
    row = {
        "kernel": launch.kernel,
        "programs": programs,
        "warps": launch.binary.warps,
        "constants": _words(launch.binary.constants),
        **{name: getattr(code, name) for name in COUNTS},
        "shared": launch.binary.shared,
        "least": round(least, 1),
        "most": round(most, 1),
        "bytes": round(moved / case.units, 2),
        "resident": held,
    }
    times = {f"{k}_us": _seconds(work, moved, programs, v) * 1e6 for k, v in COPY.items()}
    return row | {name: round(value, 2) for name, value in times.items()}


COUNTS = [
    "registers",
    "stack",
    "local",
    "instructions",
    "barriers",
    "shuffles",
    "atomics",
    "float64",
]


def _words(constants: Mapping[str, Any]) -> str:
    """The sizes and flags of a form in one word each; types and absent tensors are left out."""
    shown = ((k, v) for k, v in constants.items() if isinstance(v, (bool, int, float, str)))
    return " ".join(f"{name}={value}" for name, value in shown)


def rows_of(case: Case, label: str) -> list[dict[str, Any]]:
    """A row for each launch of a call, and one for the call; `stand_in_driver.install` ran before.

    Torch's operations beside the launches are named in the row of the call and counted nowhere.
    """
    found = stand_in_driver.launches(case.call)
    rows = [_launch_row(case, launch) for launch in found.kernels]
    total: dict[str, Any] = {"kernel": "all", "programs": len(rows)}
    total["constants"] = " ".join(found.torch_operations)
    for name in ("least", "most", "bytes", *(f"{k}_us" for k in COPY)):
        total[name] = round(sum(row[name] for row in rows), 2)
    for name, copy in COPY.items():
        best = case.needed * case.units / copy * 1e6
        total[f"{name}_share"] = round(best / total[f"{name}_us"], 3) if rows else ""
    shared = {
        "label": label,
        "triton": importlib.metadata.version("triton"),
        "target": TARGET,
        "call": case.name,
        "unit": case.unit,
        "needed": case.needed,
    }
    return [{name: (shared | row).get(name, "") for name in COLUMNS} for row in (*rows, total)]


COLUMNS = [
    "label",
    "triton",
    "target",
    "call",
    "unit",
    "kernel",
    "programs",
    "warps",
    "constants",
    "registers",
    "stack",
    "local",
    "shared",
    "instructions",
    "barriers",
    "shuffles",
    "atomics",
    "float64",
    "least",
    "most",
    "bytes",
    "needed",
    "resident",
    "h100_us",
    "h200_us",
    "h100_share",
    "h200_share",
]
PRINTED = [
    "call",
    "kernel",
    "programs",
    "warps",
    "registers",
    "local",
    "shared",
    "instructions",
    "barriers",
    "shuffles",
    "least",
    "most",
    "bytes",
    "h100_us",
    "h100_share",
    "h200_share",
]


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    cells = [PRINTED, *([str(row[name]) for name in PRINTED] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(PRINTED))]
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def write(rows: Sequence[Mapping[str, Any]], file: Path = FILE) -> None:
    """Put rows into the file, in the place of those with the same key."""
    new = {tuple(str(row[name]) for name in KEY) for row in rows}
    old: list[Mapping[str, Any]] = []
    if file.exists():
        with file.open(newline="") as lines:
            old = [row for row in csv.DictReader(lines) if tuple(row[n] for n in KEY) not in new]
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*old, *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, and write it if asked to."""
    parser = argparse.ArgumentParser(description="Count the machine code of the kernels.")
    parser.add_argument("--only", default="", help="calls whose name contains this")
    parser.add_argument("--label", default="after")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    stand_in_driver.install(TARGET)
    chosen = [case for cases in CASES for case in cases() if options.only in case.name]
    rows = [row for case in chosen for row in rows_of(case, options.label)]
    _print(rows)
    if options.write:
        write(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
