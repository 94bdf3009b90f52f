"""Texts that are nearly equal, joined into classes that do not depend on any order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from creditlib.contract import refuse

__all__ = ["classes", "join_similar"]

_SLACK = 1e-12  # a ratio that equals the threshold reaches it, whatever its last bit
_BLOCK = 1024  # rows compared at once: bounds the score matrix to a few megabytes


def join_similar(
    observations: Sequence[Sequence[Any]], group: Sequence[Any] | Tensor | None, similarity: float
) -> list[list[Any]]:
    """Every text replaced by the first, in alphabetical order, of its class inside its group.

    >>> join_similar([["room 2", None], ["room 1"]], None, 0.8)
    [['room 1', None], ['room 1']]
    """
    number = isinstance(similarity, (int, float))
    if not number or not 0 < similarity <= 1:
        raise refuse("anchor_ids", "similarity", "a number in (0, 1]", repr(similarity))
    keys = group.tolist() if isinstance(group, Tensor) else group
    if keys is not None and len(keys) != len(observations):
        wanted = f"one id for each of the {len(observations)} trajectories"
        raise refuse("anchor_ids", "group", wanted, f"{len(keys)}")
    texts: dict[Any, set[str]] = {}
    owners = [None] * len(observations) if keys is None else list(keys)
    for owner, row in zip(owners, observations, strict=True):
        for seen in row:
            if seen is not None and not isinstance(seen, str):
                wanted = "texts or None with `similarity`"
                raise refuse("anchor_ids", "observations", wanted, type(seen).__name__)
        texts.setdefault(owner, set()).update(seen for seen in row if seen is not None)
    names = {owner: classes(sorted(found), similarity) for owner, found in texts.items()}
    return [
        [None if seen is None else names[owner][seen] for seen in row]
        for owner, row in zip(owners, observations, strict=True)
    ]


def classes(texts: Sequence[str], similarity: float) -> dict[str, str]:
    """The smallest name of each text's class: the transitive closure of being similar.

    Sorted by length, a text needs comparing only with those up to (2 − s)/s times as long: beyond
    that the common subsequence cannot be long enough.

    >>> classes(["aaaa", "aaab", "zzzz"], 0.7)
    {'aaaa': 'aaaa', 'aaab': 'aaaa', 'zzzz': 'zzzz'}
    """
    try:
        from rapidfuzz.distance import Indel
        from rapidfuzz.process import cdist
    except ImportError as error:
        wanted = "left out, or the extra installed: pip install 'creditlib[anchors]'"
        raise refuse("anchor_ids", "similarity", wanted, f"{similarity} ({error})") from None
    ranked = sorted(texts, key=len)
    lengths = np.array([len(text) for text in ranked], dtype=np.int64)
    parent = list(range(len(ranked)))
    longest = np.floor(lengths * (2 - similarity) / similarity + 1e-9)
    reach = np.searchsorted(lengths, longest, "right")
    same = np.searchsorted(lengths, lengths, "right")  # where the texts of a row's length end
    start = 0
    while start < len(ranked):
        rows = ranked[start : min(start + _BLOCK, int(same[start]))]
        stop = int(reach[start])
        for left in range(start, stop, _BLOCK):
            columns = ranked[left : min(left + _BLOCK, stop)]
            score = cdist(
                rows,
                columns,
                scorer=Indel.normalized_similarity,
                score_cutoff=similarity - 1e-5,  # rapidfuzz drops ties with its cutoff
                dtype=np.float64,
            )
            for i, j in zip(*np.nonzero(score >= similarity - _SLACK), strict=True):
                _join(parent, start + int(i), left + int(j))
        start += len(rows)
    name: dict[int, str] = {}
    for i, text in enumerate(ranked):
        root = _root(parent, i)
        name[root] = min(name.get(root, text), text)
    return {text: name[_root(parent, i)] for i, text in enumerate(ranked)}


def _root(parent: list[int], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def _join(parent: list[int], i: int, j: int) -> None:
    a, b = _root(parent, i), _root(parent, j)
    parent[max(a, b)] = min(a, b)
