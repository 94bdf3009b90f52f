"""How many of the group give the same answer: a reward where nobody knows the right one."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from creditlib.algebra import group_count, group_max, relative, valid_rows, wide
from creditlib.vocabulary import (
    Answer,
    ArgumentSpec,
    Evidence,
    Group,
    NonNegative,
    ShapedReward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["agreement"]

How = Annotated[
    Literal["share", "majority"],
    ArgumentSpec("the share of the group with the same answer, or 1 for the largest share"),
]


@checked
@breaks(
    "order_does_not_matter",
    because="of answers with equal shares the one of the first row wins.",
    how="majority",
)
def agreement(
    *,
    answer: Answer,
    group: Group,
    valid: Valid | None = None,
    evidence: Evidence | None = None,
    how: How = "share",
    strength: NonNegative = 1.0,
) -> ShapedReward:
    """The share of a group that gives the answer of a row, or 1 for the answer of most.

        share:     q[i] = rows of group(i) with answer[i] / rows of group(i) with an answer
        evidence:  q[i] · exp(strength · e) / Σ over the answers of the group of the same
                   e = mean evidence of the rows with answer[i]
        majority:  1 where q[i] is the largest of the group, else 0

    It rewards agreement, not truth: a group that is wrong together earns as much.

    Options:
        strength: how much the mean evidence of an answer counts; 0 counts rows alone.

    Degenerate cases: a row without an answer (negative) gets 0 and does not count. The only row of
    a group, with an answer, gets 1. Of answers with equal shares the one of the first row wins.
    `strength` is not read without `evidence`, and how="majority" reads neither.

    Source: share as in EMPO, majority as in TTRL; evidence as in SIOP 2026, arXiv:2605.04984.

    >>> import torch
    >>> answer, group = torch.tensor([4, 4, 9, -1]), torch.tensor([0, 0, 0, 0])
    >>> agreement(answer=answer, group=group)
    tensor([0.6667, 0.6667, 0.3333, 0.0000])
    >>> agreement(answer=answer, group=group, how="majority")
    tensor([1., 1., 0., 0.])
    """
    told = valid_rows(valid, group) & (answer >= 0)
    same = group_count(group, answer, where=told)
    if how == "majority":
        most = told & (answer == _most_frequent(answer, group, same, told))
        double = evidence is not None and evidence.dtype is torch.float64
        return most.to(torch.float64 if double else torch.float32)
    share = same / group_count(group, where=told).clamp(min=1)
    if evidence is None:
        return torch.where(told, share, 0.0).to(torch.float32)
    own = wide(evidence)
    mean = own - relative(own, group, answer, where=told)
    factor = torch.exp(strength * mean)
    # Σ over answers of share · factor is the mean of the factor over rows.
    typical = factor - relative(factor, group, where=told)
    return torch.where(told, share * factor / typical, 0.0)


def _most_frequent(answer: Tensor, group: Tensor, same: Tensor, told: Tensor) -> Tensor:
    """The answer of the first row of each group whose answer most rows share."""
    most = told & (same == group_max(same, group, where=told))
    row = torch.arange(len(group), dtype=torch.float64, device=group.device)
    first = -group_max(-row, group, where=most)
    return answer[first.clamp(max=max(len(group) - 1, 0)).to(torch.int64)]
