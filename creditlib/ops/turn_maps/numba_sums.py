"""Loops over rows with a turn map: other first turns, rewards of turns; and plain sums of rows."""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

import numpy as np

from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.turn_maps.numba_maps import uniform

__all__ = ["place", "rewards", "sums"]

_BLOCK = np.uintp(32)


@compiled
def place(first: Any, last: Any, turn: Any, base: Any, taken: Any, width: Any, result: Any) -> None:
    """Writes the map of rows that begin at turn `base`, and -1 in rows that are not taken."""
    kind = result.dtype.type
    for i in range(first, last):
        start, stop = np.uintp(i * width), np.uintp((i + 1) * width)
        if not taken[i]:
            for u in range(start, stop):
                result[u] = kind(-1)
            continue
        more = kind(base[i])
        for u in range(start, stop):
            own = turn[u]
            result[u] = kind(kind(own) + more) if own >= 0 else kind(-1)


@compiled
def rewards(
    first: Any, last: Any, reward: Any, bits: Any, turn: Any, width: Any, result: Any
) -> None:
    """Adds up the rewards of each turn; those of an id without a column are lost."""
    turns = result.shape[1]
    for i in range(first, last):
        base, size, t = np.uintp(i * width), np.uintp(width), np.uintp(0)
        own, total = np.int64(0), 0.0
        for k in range(turns):
            result[i, k] = 0.0
        while t < size:
            stop = min(t + _BLOCK, size)
            if t + _BLOCK <= size and bits[base + t] == 0 and uniform(bits, base + t):
                t = stop  # all 0: nothing to add, whoever owns it
                continue
            for v in range(t, stop):
                k, x = np.int64(turn[base + v]), np.float64(reward[base + v])
                if k > own:
                    if own < turns:
                        result[i, own] = total
                    own, total = k, 0.0
                if k >= 0 or x == x:
                    total += x
            t = stop
        if width and own < turns:
            result[i, own] = total


@compiled
def sums(first: Any, last: Any, x: Any, width: Any, result: Any) -> None:
    """Each row from left to right; four rows at once, because an addition waits for the last."""
    i, size = first, np.uintp(width)
    while i + 4 <= last:
        u = np.uintp(i * width)
        v, w, z = u + size, u + size + size, u + size + size + size
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for t in range(size):
            a += np.float64(x[u + t])
            b += np.float64(x[v + t])
            c += np.float64(x[w + t])
            d += np.float64(x[z + t])
        result[i], result[i + 1], result[i + 2], result[i + 3] = a, b, c, d
        i += 4
    for k in range(i, last):
        u, total = np.uintp(k * width), 0.0
        for t in range(size):
            total += np.float64(x[u + t])
        result[k] = total
