"""Which allocator serves this process, how it is set, and what a new tensor costs with it.

torch asks the C library for the memory of a CPU tensor. glibc maps large blocks anew for each
tensor by default, and the system clears every page of them.
"""

from __future__ import annotations

import ctypes
import os
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

__all__ = ["CURES", "Cost", "allocator", "cost", "describe", "settings"]

# What keeps freed memory in the process. glibc needs both: one alone switches off its thresholds
# that adapt, and may then cost more than none.
CURES = {
    "glibc": "MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=10000000000",
    "jemalloc": "MALLOC_CONF=dirty_decay_ms:-1",
}
MEASURED_BYTES = 32 << 20  # from this size on glibc maps every block by default
# A heap that keeps its memory grows at the first of them: small blocks that glibc holds back for
# each thread, up to 7 of a size, lie between the large ones.
_SETTLING, _ROUNDS = 12, 5
_NONE, _OFTEN = 4, 256  # page faults: huge pages need 16 for the measured size
_OTHERS = ("jemalloc", "tcmalloc", "mimalloc", "musl")
_BOTH = {"mmap_max", "trim_threshold"}
_VARIABLES = {
    "MALLOC_MMAP_MAX_": "mmap_max",
    "MALLOC_MMAP_THRESHOLD_": "mmap_threshold",
    "MALLOC_TRIM_THRESHOLD_": "trim_threshold",
    "MALLOC_TOP_PAD_": "top_pad",
}


@dataclass(frozen=True)
class Cost:
    """What a tensor of MEASURED_BYTES costs after one like it was freed."""

    page_faults: int
    copies: float  # its time over that of a copy into a tensor that is there


class _Symbol(ctypes.Structure):
    _fields_ = [
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    ]


def allocator(file: str | None = None, glibc: str | None = None) -> str | None:
    """The name of the allocator, from the file that defines `posix_memalign`; None if unknown.

    `file` and `glibc` (its version) are looked up in this process if they are not given.

    >>> allocator("/usr/lib/libjemalloc.so.2"), allocator("/lib/libc.so.6", "2.36")
    ('jemalloc', 'glibc 2.36')
    """
    file = file or _defining_file()
    if file is None:
        return None
    name = Path(file).name
    for other in _OTHERS:
        if other in name:
            return other
    version = glibc or _glibc_version()
    if version and name.startswith(("libc.so", "libc-")):
        return f"glibc {version}"
    return name


def _defining_file() -> str | None:
    """The library whose `posix_memalign` this process calls: a preloaded one comes first."""
    if not sys.platform.startswith("linux"):
        return None
    program = ctypes.CDLL(None)
    found = _Symbol()
    try:
        address = ctypes.cast(program.posix_memalign, ctypes.c_void_p)
        known = program.dladdr(address, ctypes.byref(found))
    except AttributeError:
        return None
    return os.fsdecode(found.file) if known and found.file else None


def _glibc_version() -> str | None:
    """Such as "2.36"; None where the C library is another one."""
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, OSError, ValueError):
        return None
    return text.split()[-1] if text else None


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What the environment sets of glibc's malloc, by the names of its tunables.

    >>> settings({"MALLOC_MMAP_MAX_": "0", "HOME": "/"})
    {'mmap_max': '0'}
    >>> settings({"GLIBC_TUNABLES": "glibc.malloc.mmap_max=0:glibc.rtld.nns=4"})
    {'mmap_max': '0'}
    """
    found = {name: environment[key] for key, name in _VARIABLES.items() if key in environment}
    for part in environment.get("GLIBC_TUNABLES", "").split(":"):
        name, equals, value = part.partition("=")
        if equals and name.startswith("glibc.malloc."):
            found[name.removeprefix("glibc.malloc.")] = value
    return found


def cost(size: int = MEASURED_BYTES) -> Cost | None:
    """Measured here and now, in less than half a second; None where faults are not counted."""
    try:
        import resource
    except ImportError:
        return None

    def faults() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    source = torch.zeros(size >> 2)
    target = source.clone()
    new: list[float] = []
    copied: list[float] = []
    touched: list[int] = []
    for _ in range(_SETTLING + _ROUNDS):
        before, start = faults(), time.perf_counter()
        made = source.clone()
        new.append(time.perf_counter() - start)
        touched.append(faults() - before)
        del made  # before the next one: its place is then free, wherever it lies
        start = time.perf_counter()
        target.copy_(source)
        copied.append(time.perf_counter() - start)
    touched, new = touched[_SETTLING:], new[_SETTLING:]
    return Cost(int(statistics.median(touched)), statistics.median(new) / min(copied))


def describe(
    name: str | None, set_values: Mapping[str, str], measured: Cost | None
) -> list[tuple[str, str]]:
    """(what, fact) lines: the allocator, the cost, and what cures it where it is glibc's.

    >>> describe("glibc 2.36", {}, Cost(page_faults=8193, copies=4.51))[0]
    ('allocator', 'glibc 2.36 with default settings')
    >>> describe("jemalloc", {}, None)
    [('allocator', 'jemalloc')]
    """
    if name is None:
        return []
    lines = [("allocator", name)]
    glibc = name.startswith("glibc")
    if glibc:
        given = ", ".join(f"{key}={value}" for key, value in set_values.items())
        lines = [("allocator", f"{name} with {given or 'default settings'}")]
    if measured is None:
        return lines
    faults = measured.page_faults
    size = f"a new tensor of {MEASURED_BYTES >> 20} MiB"
    if faults <= _NONE:
        lines.append(("new tensor", f"{size} reuses memory that was freed"))
        if glibc and len(_BOTH & set_values.keys()) == 1:
            lines.append(("cure", f"one variable alone does not always help: {CURES['glibc']}"))
        return lines
    kind = "" if faults > _OFTEN else " of large pages"
    share = f"{measured.copies:.1f} times as long as a copy into memory that exists"
    lines.append(("new tensor", f"{size} takes {share} ({faults:,} page faults{kind})"))
    cure = CURES.get(name.split()[0])
    if cure:
        kept = "freed memory then stays with the process"
        lines.append(("cure", f"{cure} in the environment of Python; {kept}"))
    return lines
