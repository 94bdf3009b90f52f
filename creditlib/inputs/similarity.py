"""Classes of texts that are nearly equal; they do not depend on any order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from creditlib.inputs.text_bounds import (
    Flags,
    Integers,
    allowance,
    character_counts,
    reach,
    unlike_characters,
    window,
)
from creditlib.vocabulary.install_hint import install_hint
from creditlib.vocabulary.messages import contract_error

__all__ = ["classes", "join_similar"]

_SLACK = 1e-12  # for a ratio that equals the threshold up to rounding
_ROWS = 64  # texts that are bounded at a time, each against all longer ones
_FEW = 24  # texts that are compared sooner than their characters are counted
_PAIRS = 1 << 18  # bounded at a time: what fits a cache


def join_similar(
    observations: Sequence[Sequence[Any]], group: Sequence[Any] | Tensor | None, similarity: float
) -> list[list[Any]]:
    """Each text replaced by the alphabetically first one of its class and group.

    >>> join_similar([["room 2", None], ["room 1"]], None, 0.8)
    [['room 1', None], ['room 1']]
    """
    number = isinstance(similarity, (int, float))
    if not number or not 0 < similarity <= 1:
        raise contract_error("anchor_ids", "similarity", "a number in (0, 1]", repr(similarity))
    keys = group.tolist() if isinstance(group, Tensor) else group
    if keys is not None and len(keys) != len(observations):
        wanted = f"one id for each of the {len(observations)} trajectories"
        raise contract_error("anchor_ids", "group", wanted, f"{len(keys)}")
    texts: dict[Any, set[str]] = {}
    owners = [None] * len(observations) if keys is None else list(keys)
    for owner, row in zip(owners, observations, strict=True):
        for seen in row:
            if seen is not None and not isinstance(seen, str):
                wanted = "texts or None with `similarity`"
                raise contract_error("anchor_ids", "observations", wanted, type(seen).__name__)
        texts.setdefault(owner, set()).update(seen for seen in row if seen is not None)
    names = {owner: classes(sorted(found), similarity) for owner, found in texts.items()}
    return [
        [None if seen is None else names[owner][seen] for seen in row]
        for owner, row in zip(owners, observations, strict=True)
    ]


def classes(texts: Sequence[str], similarity: float) -> dict[str, str]:
    """The alphabetically first text of each text's class: the transitive closure of similarity.

    The result is that of comparing all pairs. A pair is left out if both are in one class already,
    or if a bound excludes it (`text_bounds`): first the lengths and the characters of many pairs at
    a time, then a window of the texts. Only what is left is compared as a whole. Texts that have
    little in common are told apart by about fifty additions a pair.

    >>> classes(["aaaa", "aaab", "zzzz"], 0.7)
    {'aaaa': 'aaaa', 'aaab': 'aaaa', 'zzzz': 'zzzz'}
    """
    pairs = _Pairs(texts, similarity)
    found = _Classes(len(texts))
    start, size = 0, 1  # one text first: often it is similar to all others
    while start < len(texts):
        fitting = _PAIRS // (int(pairs.ends[start]) - start)
        stop = min(start + max(1, min(size, fitting)), len(texts))
        _join_rows(pairs, slice(start, stop), found)
        start, size = stop, min(2 * size, _ROWS)
    name: dict[int, str] = {}
    label = found.label.tolist()
    for text, own in zip(pairs.texts, label, strict=True):
        name[own] = min(name.get(own, text), text)
    return {text: name[own] for text, own in zip(pairs.texts, label, strict=True)}


def _join_rows(pairs: _Pairs, rows: slice, found: _Classes) -> None:
    """Each text of `rows` joined with the similar ones behind it."""
    label = found.label[rows.start : pairs.ends[rows.stop - 1]]
    if (label == label[0]).all():
        return
    bounded = rows.start > 0 and len(label) >= _FEW
    near = pairs.near(rows) if bounded else None
    for i in range(rows.start, rows.stop):
        later = np.arange(i + 1, pairs.ends[i])
        if near is not None:
            later = later[near[i - rows.start, later - rows.start]]
        later = later[found.label[later] != found.label[i]]
        if bounded:
            later = pairs.near_in_the_middle(i, later)
        for j in pairs.similar(i, later).tolist():
            found.join(i, j)


class _Classes:
    """The class of each text, and the texts of each class."""

    def __init__(self, size: int) -> None:
        self.label = np.arange(size)
        self._members = [[i] for i in range(size)]

    def join(self, i: int, j: int) -> None:
        """The classes of i and j become one; the smaller takes the label of the larger."""
        keep, drop = int(self.label[i]), int(self.label[j])
        if keep == drop:
            return
        if len(self._members[keep]) < len(self._members[drop]):
            keep, drop = drop, keep
        self.label[self._members[drop]] = keep
        self._members[keep] += self._members[drop]
        self._members[drop] = []


def _rapidfuzz(similarity: float) -> tuple[Any, Any]:
    """rapidfuzz's comparison of many texts, and its measure; a refusal without the package."""
    try:
        from rapidfuzz.distance import Indel
        from rapidfuzz.process import cdist
    except ImportError as error:
        wanted = f"left out, or the extra installed: {install_hint('anchors')}"
        raise contract_error(
            "anchor_ids", "similarity", wanted, f"{similarity} ({error})"
        ) from None
    return cdist, Indel


class _Pairs:
    """Texts by rising length, and which of them are similar."""

    def __init__(self, texts: Sequence[str], similarity: float) -> None:
        self._cdist, self._indel = _rapidfuzz(similarity)
        self.texts = sorted(texts, key=len)
        self.similarity = similarity
        self._lengths = np.array([len(text) for text in self.texts], dtype=np.int64)
        self._counts: Integers | None = None  # counted when they are needed
        self._allowance = allowance(self._lengths, similarity)
        self.ends = reach(self._lengths, similarity)
        self._chosen = np.array(self.texts, dtype=object)  # fast to take many from
        self._middles = self._chosen[:0]
        self._cut: tuple[int, int] | None = None

    def near(self, rows: slice) -> Flags:
        """Whether the characters of two texts allow them to be similar [rows, rows and later]."""
        if self._counts is None:
            self._counts = character_counts(self.texts, self._lengths)
        columns = slice(rows.start, int(self.ends[rows.stop - 1]))
        allowed = self._allowance[rows, None] + self._allowance[None, columns]
        return unlike_characters(self._counts, rows, columns) <= allowed

    def near_in_the_middle(self, i: int, others: Integers) -> Integers:
        """Those of `others` whose middle is near enough to the middle of text i."""
        if not len(others):
            return others
        cut = window(int(self._lengths[i]), self.similarity)
        if cut is None:
            return others
        if cut != self._cut:
            front, behind = self._cut = cut
            middles = [text[front : len(text) - behind] for text in self.texts[i:]]
            self._middles = self._chosen.copy()
            self._middles[i:] = middles
        allowed = self._allowance[i] + self._allowance[others]
        apart = self._cdist(
            [self._middles[i]],
            self._middles[others].tolist(),
            scorer=self._indel.distance,
            score_cutoff=int(allowed.max()),  # a larger distance is one more than this
            dtype=np.int64,
        )
        return others[apart[0] <= allowed]

    def similar(self, i: int, others: Integers) -> Integers:
        """Those of `others` that are similar to text i: the definition, which compares them."""
        if not len(others):
            return others
        score = self._cdist(
            [self.texts[i]],
            self._chosen[others].tolist(),
            scorer=self._indel.normalized_similarity,
            score_cutoff=max(0.0, self.similarity - 1e-5),  # rapidfuzz drops ties with its cutoff
            dtype=np.float64,
        )
        return others[score[0] >= self.similarity - _SLACK]
