"""A warm allocator for everybody, and the memory that a call needs at its peak (Linux, glibc).

By default glibc maps and unmaps every tensor of 32 MiB or more, often smaller ones too, and each
fresh page costs a fault: at 256x32768 a clone is then several times a copy, and whoever allocates
most is punished most. What that costs is measured apart, in `default_process.py`.
`warm` keeps freed memory and puts a pool of resident pages on top of the heap.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

__all__ = ["peak_bytes", "verify", "warm"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_MADV_HUGEPAGE, _MADV_NOHUGEPAGE = 14, 15
SMALLEST_POOL, LARGEST_POOL = 256 << 20, 3 << 29
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_pool: tuple[int, int] | None = None


def _library() -> ctypes.CDLL | None:
    """The C library, where it is one with mallopt and malloc_trim."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt") or not hasattr(library, "malloc_trim"):
        return None
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    library.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return library


def warm(size: int = 0) -> bool:
    """Keep what is freed, and make a pool on top of the heap resident; False if impossible.

    `size` is how many bytes a call moves; the pool has room for the temporaries of the greediest.
    """
    global _pool
    library = _library()
    if library is None:
        return False
    kept = all(
        library.mallopt(name, value)
        for name, value in (
            (_M_MMAP_MAX, 0),
            (_M_MMAP_THRESHOLD, 1 << 30),
            (_M_TRIM_THRESHOLD, (1 << 31) - 1),
        )
    )
    size = max(SMALLEST_POOL, min(LARGEST_POOL, 12 * size))
    block = library.malloc(size)
    if not block:
        return False
    _pool = (block + 4095 & ~4095, size - 8192)
    library.madvise(*_pool, _MADV_HUGEPAGE)
    library.memset(block, 1, size)
    library.free(block)
    return kept


def _cool() -> None:
    """Give every freed page back, so that what a call touches is what it needs."""
    library = _library()
    if library is None:
        return
    if _pool is not None:
        library.madvise(*_pool, _MADV_NOHUGEPAGE)  # pages of 4 KiB count exactly
    library.malloc_trim(0)


def _resident(name: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) << 10
    raise OSError(f"{_STATUS} has no {name}")


def peak_bytes(call: Callable[[], object]) -> int | None:
    """Resident bytes at the peak of one call beyond those before it, outputs included.

    The call must have run before (compiled, imported, cached). None where it cannot be told.
    Afterwards the allocator is cold: `warm` it again before timing.
    """
    if _library() is None or not _CLEAR.exists():
        return None
    try:
        _cool()
        before = _resident("VmRSS")
        _CLEAR.write_text("5")
        call()
        return max(0, _resident("VmHWM") - before)
    except OSError:
        return None


def verify(megabytes: int = 64) -> str:
    """One sentence: whether a clone now costs what a copy into a standing buffer costs."""
    source = torch.zeros(megabytes << 18)
    target = torch.empty_like(source)

    def once(call: Callable[[], object]) -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    pairs = [(once(source.clone), once(lambda: target.copy_(source))) for _ in range(12)]
    ratio = min(pair[0] for pair in pairs) / min(pair[1] for pair in pairs)
    state = "warm" if ratio < 1.5 else "NOT warm: whoever allocates is punished"
    return f"allocator {state}: a clone of {megabytes} MiB costs {ratio:.2f} copies"
