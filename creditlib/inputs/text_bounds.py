"""Which texts can be similar at all: bounds that are cheap, and never wrong.

With d(a, b) = |a| + |b| − 2 · longest common subsequence, a pair reaches the similarity s if and
only if d(a, b) <= (1 − s) · (|a| + |b|). Each of these bounds d from below:

- **Characters.** A common subsequence holds each character at most as often as the text that has
  fewer of it, so that d(a, b) >= Σ_c |count_a(c) − count_b(c)|. By the triangle inequality this
  also holds if several characters are counted as one.
- **Windows.** Two texts without their last characters are no further apart: d(a, b) <= d(ax, by).
  A common subsequence of ax and by cannot match x with a character of b and y with a character of
  a, as these pairs would cross. So it loses at most one pair with x and y, the lengths lose two,
  and d does not grow. The same holds at the front. So d(a, b) >= d(a[p : |a|−r], b[p : |b|−r]).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

__all__ = ["allowance", "character_counts", "reach", "unlike_characters", "window"]

Integers = np.ndarray[Any, np.dtype[np.integer[Any]]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Floats = np.ndarray[Any, np.dtype[np.float32]]

_ROUNDING = 1e-6  # of a total length: more than any rounding, float32 included, moves a distance
_RESIDUES = 96  # the printable characters of ASCII have different residues
_COUNTERS = 48  # of the most frequent residues; the others share them
_CHUNK = 1 << 20  # characters that are counted at a time
_STEP = 32  # characters
_WORD = 64  # characters that rapidfuzz compares in one step


def allowance(lengths: Integers, similarity: float) -> Floats:
    """The share of each text in d: a pair may be similar only if d <= the sum of both shares.

    >>> allowance(np.array([100, 60]), 0.9).round(2).tolist()
    [10.0, 6.0]
    """
    share = (1 - similarity) * lengths + _ROUNDING * (lengths + 0.5)
    return share.astype(np.float32)


def reach(lengths: Integers, similarity: float) -> Integers:
    """For each text of rising lengths, the place behind the last one that may be similar to it.

    d(a, b) >= |b| − |a|, so that |b| <= (2 − s)/s · |a|.

    >>> reach(np.array([2, 3, 4, 9]), 0.8).tolist()
    [3, 3, 3, 4]
    """
    longest = (lengths + 1) * (2 - similarity + _ROUNDING) / max(similarity - _ROUNDING, 1e-300)
    return cast("Integers", np.searchsorted(lengths, longest, "right"))


def character_counts(texts: Sequence[str], lengths: Integers) -> Integers:
    """How often each text holds a character [counters texts]; several characters share a counter.

    The type of the result holds the sum of the differences of any two texts.

    >>> character_counts(["ab", "bb"], np.array([2, 2])).tolist()
    [[1, 2], [1, 0]]
    """
    found = np.zeros((len(texts), _RESIDUES), dtype=np.int64)
    ends = np.cumsum(lengths)
    start = 0
    while start < len(texts):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _CHUNK, "right")))
        joined = "".join(texts[start:stop]).encode("utf-32-le", "surrogatepass")
        owner = np.repeat(np.arange(stop - start) * _RESIDUES, lengths[start:stop])
        place = owner + np.frombuffer(joined, dtype="<u4") % _RESIDUES
        size = (stop - start) * _RESIDUES
        found[start:stop] = np.bincount(place, minlength=size).reshape(-1, _RESIDUES)
        start = stop
    total = found.sum(0)
    often = np.argsort(-total, kind="stable")[: np.count_nonzero(total)]
    counts = np.zeros((min(len(often), _COUNTERS), len(texts)), dtype=np.int64)
    for rank, residue in enumerate(often):
        counts[rank % _COUNTERS] += found[:, residue]
    small = len(lengths) == 0 or 2 * int(lengths.max()) <= np.iinfo(np.int16).max
    return counts.astype(np.int16 if small else np.int64)


def unlike_characters(counts: Integers, rows: slice, columns: slice) -> Integers:
    """Σ |count_a − count_b| of each text of `rows` and each of `columns` [rows columns].

    >>> unlike_characters(np.array([[1, 2], [1, 0]]), slice(0, 1), slice(0, 2)).tolist()
    [[0, 2]]
    """
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    total = np.zeros(shape, dtype=counts.dtype)
    part = np.empty(shape, dtype=counts.dtype)
    for count in counts:
        np.subtract(count[rows, None], count[None, columns], out=part)
        np.abs(part, out=part)
        total += part
    return total


def window(shortest: int, similarity: float) -> tuple[int, int] | None:
    """How many characters to leave out in front and behind, so that few are compared first.

    About twice the largest distance is kept of the `shortest` text, from its middle: texts that
    have little in common already differ too much there. None: too short to save anything.

    >>> window(700, 0.95), window(100, 0.95)
    ((272, 272), None)
    """
    shortest -= shortest % _STEP  # texts of nearly equal lengths are cut alike
    wanted = 4 * (1 - similarity) * shortest
    kept = _WORD * max(1, round(wanted / _WORD))
    if 2 * kept > shortest:
        return None
    front = (shortest - kept) // 2
    return front, shortest - kept - front
