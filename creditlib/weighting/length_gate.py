"""Weights of groups: full where longer thinking paid."""

from __future__ import annotations

from typing import Annotated, Literal

import torch

from creditlib.algebra import group_count, group_max, group_scale, valid_rows, wide
from creditlib.vocabulary import (
    ArgumentSpec,
    Backend,
    Group,
    Length,
    NonNegative,
    Solved,
    TrajectoryFactor,
    Truncated,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["length_gate"]

Unsolved = Annotated[
    Literal["weight", "keep"],
    ArgumentSpec("what a group without a solved row gets: `weight`, or 1"),
]


@checked
@breaks(
    *("equal_turns_weigh_one", "weights_keep_the_total"),
    because="what a group loses is given to no other one.",
)
def length_gate(
    *,
    solved: Solved,
    length: Length,
    group: Group,
    truncated: Truncated | None = None,
    valid: Valid | None = None,
    weight: NonNegative = 0.1,
    unsolved: Unsolved = "weight",
    backend: Backend = "auto",
) -> TrajectoryFactor:
    """Full weight for a group whose longest right answer is longer than its mean wrong one.

        w[i] = 1 if longest > mean, else weight
        longest = max of length over the solved rows of group(i), −∞ without one
        mean = mean of length over its rows that are neither solved nor truncated, −∞ without one

    All rows of a group have one weight. Multiply credit by it.

    Options:
        truncated: rows that were cut off at the limit; they do not count in the mean. None are by
            default.
        weight: what the other groups get. At 1 all weights are exactly 1.
        unsolved: which code of the authors is followed. "weight" is that for language models.
            "keep" is that for vision and language, and has two effects: a group without a solved
            row gets 1, and a missing mean is +∞, so that a group without a wrong row gets `weight`.

    Degenerate cases: equal lengths give `weight`, because nothing is longer. A group of one that is
    solved gets 1 and any other group of one `weight`; their credit is 0 by default. Excluded rows
    get 0. The mean weight is not 1.

    Source: ADORA 2026; both functions of the authors' code were run.
    Differs from it: `solved` and `truncated` are given; there they are a reward above 1.01 (0.5
    with vision) and a length of 4054 (4094) tokens.

    >>> import torch
    >>> length_gate(
    ...     solved=torch.tensor([True, False, True, False]),
    ...     length=torch.tensor([9, 4, 3, 4]),
    ...     group=torch.tensor([0, 0, 1, 1]),
    ... )
    tensor([1.0000, 1.0000, 0.1000, 0.1000])
    """
    where, size = valid_rows(valid, solved), wide(length)
    right, wrong = where & solved, where & ~solved
    if truncated is not None:
        wrong = wrong & ~truncated
    longest = group_max(size, group, where=right, backend=backend)
    mean = group_scale(size, group, where=wrong, scale="mean", backend=backend)
    some = group_count(group, where=wrong, backend=backend) > 0
    mean = torch.where(some, mean, -torch.inf if unsolved == "weight" else torch.inf)
    full = longest > mean
    if unsolved == "keep":
        full = full | (longest == -torch.inf)
    return torch.where(where, torch.where(full, 1.0, weight).to(size.dtype), 0.0)
