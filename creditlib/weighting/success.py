"""Weights by how often the batch succeeds: easy tasks count early, hard ones late."""

from __future__ import annotations

import torch

from creditlib.algebra import group_count, relative, valid_rows, wide
from creditlib.vocabulary import (
    Backend,
    Credit,
    Eps,
    Group,
    Positive,
    Solved,
    TrajectoryFactor,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["grae_weight"]


@checked
@breaks(
    *("groups_are_independent", "a_new_group_changes_nothing", "groups_may_be_computed_apart"),
    because="the success of the batch is part of every weight.",
)
@breaks(
    *("equal_turns_weigh_one", "weights_keep_the_total"),
    because="the weight measures how much a task counts at present; it distributes no total.",
)
def grae_weight(
    *,
    credit: Credit,
    solved: Solved,
    group: Group,
    valid: Valid | None = None,
    alpha: Positive = 1.0,
    eps: Eps = 1e-6,
    backend: Backend = "auto",
) -> TrajectoryFactor:
    """A weight that favours easy tasks while few rows are solved, and hard ones once many are.

        w[i] = ½ · ((1 − P) / (1 − √p + eps) + P / (√p + eps)) · d[i]
        d[i] = min(1, P / alpha) where credit[i] > 0, else 1
        p = share of solved rows of group(i);  P = mean of p over the groups, each once

    A term that only eps would keep finite is left out: the first where p = 1, the second where
    p = 0. The credit of such a group is 0 where the reward says no more than `solved`.

    Options:
        alpha: the success of the batch from which on positive credit counts in full; the authors
            take 1 for mathematics and 0.5 for geometry and medicine.
        eps: keeps the divisions finite.

    Degenerate cases: a group of one is a group like any other, and its weight is at most ½. A batch
    without success gives positive credit the weight 0. Excluded rows get 0. The mean weight is not
    1.

    Source: A-GRAE 2026, arXiv:2602.05548; the authors' code was run with its branch forced, which
    the released scripts do not reach.
    Differs from it: there p comes from rewards, the mean of a group of one counts as 0, and its
    credit comes to 31,250 and more; a negative mean gives NaN; and a term that only eps keeps
    finite is kept.

    >>> import torch
    >>> solved, group = torch.tensor([True, False, False, True]), torch.tensor([0, 0, 1, 1])
    >>> credit = torch.tensor([0.7, -0.7, -0.7, 0.7])
    >>> grae_weight(credit=credit, solved=solved, group=group)
    tensor([0.6036, 1.2071, 1.2071, 0.6036])
    """
    where, won = valid_rows(valid, credit), wide(solved)
    share = won - relative(won, group, where=where, backend=backend)
    count = group_count(group, where=where, backend=backend).clamp(min=1)
    # A row counts 1 / (rows of its group), so that a group counts once.
    batch = share - relative(share, where=where, weight=1 / count, backend=backend)
    batch, root = batch.clamp(0.0, 1.0), share.clamp(0.0, 1.0).sqrt()
    hard = torch.where(share < 1, (1 - batch) / (1 - root + eps), 0.0)
    easy = torch.where(share > 0, batch / (root + eps), 0.0)
    damped = torch.where(credit > 0, (batch / alpha).clamp(max=1.0), 1.0)
    return torch.where(where, 0.5 * (hard + easy) * damped, 0.0)
