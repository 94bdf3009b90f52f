"""Loops from a mask, or from ids, to a turn map: the mask is read once, the map is written once.

Tokens of a turn lie together, and so do those between turns: a block of one value is filled at
once.
"""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

import numpy as np

from creditlib.ops.backend.numba_compile import compiled

__all__ = ["ids", "lengths", "runs", "trained", "uniform", "written"]

_BLOCK, _ONE = np.uintp(32), np.uintp(1)
_LANES = np.arange(32, dtype=np.int8)
# The place of the lowest bit by the upper five bits of its product with a de Bruijn sequence.
_PLACES = np.zeros(32, dtype=np.int64)
for _place in range(32):
    _PLACES[(0x077CB531 << _place & 0xFFFFFFFF) >> 27] = _place


@compiled
def uniform(bits: Any, u: Any) -> Any:
    """Whether a block holds one value."""
    first, differ = bits[u], bits.dtype.type(0)
    for j in range(_BLOCK):
        differ = bits.dtype.type(differ | (bits[u + j] ^ first))
    return differ == 0


@compiled
def _flags(mask: Any, u: Any, size: Any) -> Any:
    """(uint32 with bit j set where token j is not 0, whether all values are in [0, 1])."""
    word, good = np.uint32(0), np.uint8(1)
    if size == _BLOCK:
        for j in range(_BLOCK):
            x = mask[u + j]
            word = np.uint32(word | (np.uint32(x != 0) << np.uint32(j)))
            good &= np.uint8((x >= 0) & (x <= 1))
    else:
        for j in range(size):
            x = mask[u + j]
            word = np.uint32(word | (np.uint32(x != 0) << np.uint32(j)))
            good &= np.uint8((x >= 0) & (x <= 1))
    return word, good > 0


@compiled
def _fill(result: Any, u: Any, size: Any, place: Any, value: Any) -> None:
    """Write a value to the tokens of a block from a place on."""
    if size == _BLOCK:
        for j in range(_BLOCK):
            result[u + j] = value if _LANES[j] >= np.int8(place) else result[u + j]
    else:
        for j in range(place, size):
            result[u + j] = value


@compiled
def _lowest(word: Any) -> Any:
    """The place of the lowest bit that is set."""
    alone = np.uint32(word & (~word + np.uint32(1)))
    return _PLACES[np.uint32(alone * np.uint32(0x077CB531)) >> np.uint32(27)]


@compiled
def runs(
    first: Any, last: Any, mask: Any, bits: Any, width: Any, result: Any, count: Any, length: Any,
    tokens: Any, end: Any,
) -> Any:  # fmt: skip
    """Returns the largest number of runs of a row, and whether all values are in [0, 1].

    Where a row has more runs than `length` has columns, the map and the lengths of that row mean
    nothing.
    """
    largest, fits, most = 0, True, length.shape[1]
    for i in range(first, last):
        base, whole = np.uintp(i * width), np.uintp(width)
        runs, total, start, inside, final = 0, 0, 0, False, -1
        for t in range(np.uintp(0), whole, _BLOCK):
            size = min(_BLOCK, whole - t)
            own = result.dtype.type(runs - 1 if inside else -1)
            if size == _BLOCK and uniform(bits, base + t):
                x = mask[base + t]
                if (x >= 0) & (x <= 1) & ((x != 0) == inside):
                    for j in range(_BLOCK):
                        result[base + t + j] = own
                    continue
            word, good = _flags(mask, base + t, size)
            fits &= good
            for j in range(size):
                result[base + t + j] = own
            # Bit j: token j begins a run, or is the first one after a run.
            flips = np.uint32(word ^ np.uint32((word << np.uint32(1)) | np.uint32(inside)))
            if size < _BLOCK:
                flips = np.uint32(flips & np.uint32((1 << size) - 1))
            while flips:
                place = _lowest(flips)
                flips = np.uint32(flips & np.uint32(flips - np.uint32(1)))
                inside = not inside
                at = np.int64(t) + place
                if inside:
                    runs, start = runs + 1, at
                else:
                    final = at - 1
                    total += at - start
                    if runs <= most:
                        length[i, runs - 1] = at - start
                own = result.dtype.type(runs - 1 if inside else -1)
                _fill(result, base + t, size, place, own)
        if inside:
            final = width - 1
            total += width - start
            if runs <= most:
                length[i, runs - 1] = width - start
        for k in range(runs, most):
            length[i, k] = 0
        count[i], tokens[i], end[i] = runs, total, final
        largest = max(largest, runs)
    return largest, fits


@compiled
def written(
    first: Any, last: Any, mask: Any, width: Any, result: Any, tokens: Any, end: Any
) -> Any:
    """One turn: returns whether all values are in [0, 1]."""
    fits = True
    for i in range(first, last):
        base, whole, t, total = np.uintp(i * width), np.uintp(width), np.uintp(0), 0
        while t + _BLOCK <= whole:
            u, ones, wrong = base + t, np.uint8(0), np.uint8(0)
            for j in range(_BLOCK):
                x = mask[u + j]
                here = np.uint8(x != 0)
                ones = np.uint8(ones + here)
                wrong = np.uint8(wrong | np.uint8((x < 0) | (x > 1) | (x != x)))
                result[u + j] = np.int8(here - np.uint8(1))
            total += np.int64(ones)
            fits &= wrong == 0
            t += _BLOCK
        while t < whole:
            x = mask[base + t]
            fits &= (x >= 0) & (x <= 1)
            total += np.int64(x != 0)
            result[base + t] = 0 if x != 0 else -1
            t += _ONE
        final = width - 1 if total else -1
        while final >= 0 and result[base + np.uintp(final)] < 0:
            final -= 1
        tokens[i], end[i] = total, final
    return fits


@compiled
def ids(first: Any, last: Any, turn: Any, width: Any, count: Any, tokens: Any, end: Any) -> Any:
    """Returns the largest number of turns, and whether ids are -1 or more and never go back."""
    largest, fits = 0, True
    for i in range(first, last):
        base, size, t = np.uintp(i * width), np.uintp(width), np.uintp(0)
        highest, total, final = np.int64(-1), 0, -1
        while t < size:
            stop = min(t + _BLOCK, size)
            k = np.int64(turn[base + t])
            if t + _BLOCK <= size and (k == -1 or k == highest) and uniform(turn, base + t):
                if k >= 0:
                    total, final = total + 32, np.int64(stop) - 1
            else:
                for v in range(t, stop):
                    k = np.int64(turn[base + v])
                    fits &= (k >= highest) | (k == -1)
                    highest = max(highest, k)
                    total += np.int64(k >= 0)
                    final = np.int64(v) if k >= 0 else final
            t = stop
        count[i], tokens[i], end[i] = highest + 1, total, final
        largest = max(largest, highest + 1)
    return largest, fits


@compiled
def lengths(first: Any, last: Any, turn: Any, width: Any, length: Any) -> None:
    """Counts the tokens of each turn; every id has a column."""
    for i in range(first, last):
        base, size, t = np.uintp(i * width), np.uintp(width), np.uintp(0)
        for k in range(length.shape[1]):
            length[i, k] = 0
        while t < size:
            stop = min(t + _BLOCK, size)
            k = np.int64(turn[base + t])
            if t + _BLOCK <= size and uniform(turn, base + t):
                if k >= 0:
                    length[i, k] += 32
            else:
                for v in range(t, stop):
                    k = np.int64(turn[base + v])
                    if k >= 0:
                        length[i, k] += 1
            t = stop


@compiled
def trained(
    first: Any, last: Any, turn: Any, mask: Any, bits: Any, width: Any, result: Any, count: Any,
    tokens: Any, end: Any,
) -> Any:  # fmt: skip
    """Returns the largest number of turns, and whether the mask fits the map."""
    largest, fits = 0, True
    for i in range(first, last):
        base, size, t = np.uintp(i * width), np.uintp(width), np.uintp(0)
        highest, total, final = np.int64(-1), 0, -1
        while t < size:
            stop = min(t + _BLOCK, size)
            full = t + _BLOCK <= size
            if full and uniform(turn, base + t) and uniform(bits, base + t):
                x, k = mask[base + t], turn[base + t]
                fits &= (x >= 0) & (x <= 1) & ((x == 0) | (k >= 0))
                highest = max(highest, np.int64(k))
                own = k if x != 0 else turn.dtype.type(-1)
                for j in range(_BLOCK):
                    result[base + t + j] = own
                if x != 0 and k >= 0:
                    total, final = total + 32, np.int64(stop) - 1
            else:
                for v in range(t, stop):
                    x, k = mask[base + v], np.int64(turn[base + v])
                    fits &= (x >= 0) & (x <= 1) & ((x == 0) | (k >= 0))
                    highest = max(highest, k)
                    kept = (x != 0) & (k >= 0)
                    result[base + v] = k if kept else -1
                    total += np.int64(kept)
                    final = np.int64(v) if kept else final
            t = stop
        count[i], tokens[i], end[i] = highest + 1, total, final
        largest = max(largest, highest + 1)
    return largest, fits
