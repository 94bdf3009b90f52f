"""ADORA: trust a group where thinking longer paid."""

from __future__ import annotations

from creditlib.algebra import wide
from creditlib.estimators import grpo
from creditlib.vocabulary import (
    Credit,
    Eps,
    Group,
    Length,
    Lone,
    NonNegative,
    Reward,
    Solved,
    Truncated,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked
from creditlib.weighting import length_gate
from creditlib.weighting.length_gate import Unsolved

__all__ = ["adora"]


@checked
@breaks(
    "long_trajectories_do_not_outvote_short_ones",
    because="the lengths of a group decide how much it counts.",
)
def adora(
    *,
    reward: Reward,
    solved: Solved,
    length: Length,
    group: Group,
    truncated: Truncated | None = None,
    valid: Valid | None = None,
    weight: NonNegative = 0.1,
    unsolved: Unsolved = "weight",
    eps: Eps = 1e-6,
    lone: Lone = "zero",
) -> Credit:
    """Group-relative credit, in full where the longest right answer is longer than wrong ones.

        A[i] = grpo(reward)[i] · length_gate(solved, length)[i]

    Options:
        truncated: rows that were cut off at the limit; they do not count in the mean of
            `length_gate`.
        weight: factor on the credit of the other groups. At 1 the credit is that of `grpo`.
        unsolved: which code of the authors is followed, as in `length_gate`: that for language
            models, or that for vision and language.
        lone: credit of a group of one: 0, or its weighted reward. `presets.ADORA_LLM` and
            `presets.ADORA_VL` have "raw", as the authors' code.

    Degenerate cases: a group of one and a constant group get exactly 0 (lone="raw": the weighted
    reward).

    Source: ADORA 2026; the authors' code was run.
    Differs from it: a group of one gets 0; `solved` and `truncated` are given.

    >>> import torch
    >>> adora(
    ...     reward=torch.tensor([1.0, 0.0, 1.0, 0.0]),
    ...     solved=torch.tensor([True, False, True, False]),
    ...     length=torch.tensor([9, 4, 3, 4]),
    ...     group=torch.tensor([0, 0, 1, 1]),
    ... )
    tensor([ 0.7071, -0.7071,  0.0707, -0.0707])
    """
    credit = grpo(reward=wide(reward), group=group, valid=valid, eps=eps, lone=lone)
    return credit * length_gate(
        solved=solved, length=wide(length), group=group, truncated=truncated, valid=valid,
        weight=weight, unsolved=unsolved,
    )  # fmt: skip
