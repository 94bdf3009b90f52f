"""Classes of texts that are nearly equal; they do not depend on any order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from creditlib.vocabulary.install_hint import install_hint
from creditlib.vocabulary.messages import contract_error

__all__ = ["classes", "join_similar"]

_SLACK = 1e-12  # for a ratio that equals the threshold up to rounding


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

    A text is compared only with texts at most (2 − s)/s times as long: the common subsequence of
    others cannot be long enough. It is not compared with texts that are in its class already, so
    that n texts of c classes take about n · c comparisons, and never n².

    >>> classes(["aaaa", "aaab", "zzzz"], 0.7)
    {'aaaa': 'aaaa', 'aaab': 'aaaa', 'zzzz': 'zzzz'}
    """
    try:
        from rapidfuzz.distance import Indel
        from rapidfuzz.process import cdist
    except ImportError as error:
        wanted = f"left out, or the extra installed: {install_hint('anchors')}"
        raise contract_error(
            "anchor_ids", "similarity", wanted, f"{similarity} ({error})"
        ) from None
    ranked = sorted(texts, key=len)
    lengths = np.array([len(text) for text in ranked], dtype=np.int64)
    longest = np.floor(lengths * (2 - similarity) / similarity + 1e-9)
    reach = np.searchsorted(lengths, longest, "right")
    label = np.arange(len(ranked))
    for i, text in enumerate(ranked):
        later = i + 1 + np.flatnonzero(label[i + 1 : reach[i]] != label[i])
        if not len(later):
            continue
        score = cdist(
            [text],
            [ranked[j] for j in later],
            scorer=Indel.normalized_similarity,
            score_cutoff=similarity - 1e-5,  # rapidfuzz drops ties with its cutoff
            dtype=np.float64,
        )
        for j in later[score[0] >= similarity - _SLACK]:
            label[label == label[j]] = label[i]
    name: dict[int, str] = {}
    for text, own in zip(ranked, label.tolist(), strict=True):
        name[own] = min(name.get(own, text), text)
    return {text: name[own] for text, own in zip(ranked, label.tolist(), strict=True)}
