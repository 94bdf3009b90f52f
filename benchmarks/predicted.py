"""What is counted and predicted of the kernels, for the page: from results/predicted/ if it exists.

kernels-sm90.csv is written by `python -m benchmarks.machine_code`, launches.csv by the part of
benchmarks/gpu that counts with a stand-in for Triton's driver. No time of a GPU is in them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.results import read
from benchmarks.show import duration

__all__ = ["KERNELS", "LAUNCHES", "section"]

KERNELS, LAUNCHES = "kernels-sm90.csv", "launches.csv"
Line = Mapping[str, str]
HEAD = """\
## Predicted for a GPU, not measured

Not yet run on a GPU: what stands here is counted without one.
"""
KERNEL_TEXT = """\
### Machine code

Registers, instructions and bytes are counted in the machine code that Triton makes for sm_90.
Shares of a copy are *predicted* from these counts: the longer of the bytes at 92 % of a copy's
bandwidth and the instructions at 60 % of the issue rate. Latency is not in it, so a prediction is
an optimistic bound. An arrow leads from the kernel before a change to the kernel after it.
Instructions are those of a thread for each token or value, on the shortest and on the longest way
through the program.
"""
LAUNCH_TEXT = """\
### Launches and host time

Launches are counted with a stand-in for Triton's driver. Host time is that of a call until it
returns, measured on a CPU with that stand-in: no device takes part.
"""


def section(folder: Path | None) -> str:
    """The section of the page; "" if neither file is there.

    >>> section(None)
    ''
    """
    if folder is None:
        return ""
    parts: list[str] = []
    if (folder / KERNELS).is_file():
        with (folder / KERNELS).open(newline="") as file:
            parts.append(f"{KERNEL_TEXT}\n{_kernels(list(csv.DictReader(file)))}\n")
    if (folder / LAUNCHES).is_file():
        parts.append(f"{LAUNCH_TEXT}\n{_launches(folder / LAUNCHES)}\n")
    return "\n".join([HEAD, *parts]) if parts else ""


def _launches(path: Path) -> str:
    lines = ["| call | input | launches | of torch | host |", "|---|---|---|---|---|"]
    shown = ""
    for row in read([path]):
        if row.contestant != "creditlib" or row.launches is None or "one thread" in row.variant:
            continue  # threads are no matter to a GPU
        op, shown = "" if row.op == shown else row.op, row.op
        torch = "" if row.torch_launches is None else str(row.torch_launches)
        cells = [
            op,
            f"{row.shape} {row.variant}".strip(),
            str(row.launches),
            torch,
            duration(row.host_us),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _kernels(rows: Sequence[Line]) -> str:
    names = [*("call", "Triton", "kernel", "programs", "registers"), "instructions", "bytes"]
    lines = [f"| {' | '.join([*names, 'of a copy, H100', 'H200'])} |", "|" + "---|" * 9]
    places: dict[tuple[str, str, str], dict[str, Line]] = {}
    for row in rows:
        place = (row["call"], row["triton"], row["kernel"])
        places.setdefault(place, {})[row["label"]] = row
    labels = list(dict.fromkeys(row["label"] for row in rows))
    shown = ("", "")
    for (call, triton, kernel), found in places.items():
        head = ["", ""] if (call, triton) == shown else [call, triton]
        shown = (call, triton)
        cells = [_arrow(cell, labels, found) for cell in CELLS]
        lines.append(f"| {' | '.join([*head, '*call*' if kernel == 'all' else kernel, *cells])} |")
    return "\n".join(lines)


def _arrow(cell: Callable[[Line], str], labels: Sequence[str], found: Mapping[str, Line]) -> str:
    """What a cell was and is: "80 → 49"; one value if nothing changed or there is only one."""
    values = [cell(found[label]) if label in found else "none" for label in labels]
    if set(values) <= {"", "none"}:
        return ""
    return values[0] if len(set(values)) == 1 else " → ".join(values)


def _ways(row: Line) -> str:
    least, most = (_number(row.get(name, "")) for name in ("least", "most"))
    return least if least == most else f"{least} to {most}"


def _bytes(row: Line) -> str:
    moved, needed = _number(row.get("bytes", "")), _number(row.get("needed", ""))
    return f"{moved} ({needed} needed)" if needed and row["kernel"] == "all" else moved


def _programs(row: Line) -> str:
    """Of a call the number of launches stands there."""
    count = _number(row.get("programs", ""))
    unit = f" launch{'es' * (count != '1')}" if row["kernel"] == "all" and count else ""
    return f"{count}{unit}"


def _share(name: str) -> Callable[[Line], str]:
    def cell(row: Line) -> str:
        return f"{float(row[name]):.0%}" if row.get(name) else ""

    return cell


def _number(text: str) -> str:
    if not text:
        return ""
    value = float(text)
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


CELLS: tuple[Callable[[Line], str], ...] = (
    _programs,
    lambda row: row.get("registers", ""),
    _ways,
    _bytes,
    _share("h100_share"),
    _share("h200_share"),
)
