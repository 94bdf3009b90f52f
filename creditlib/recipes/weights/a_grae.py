"""A-GRAE: easy tasks count more while the batch fails, hard ones once it succeeds."""

from __future__ import annotations

from creditlib.algebra import wide
from creditlib.estimators import grpo
from creditlib.vocabulary import Credit, Eps, Group, Positive, Reward, Solved, Valid, breaks
from creditlib.vocabulary.contract import checked
from creditlib.weighting import grae_weight

__all__ = ["a_grae"]


@checked
@breaks(
    *("groups_are_independent", "a_new_group_changes_nothing", "groups_may_be_computed_apart"),
    because="the success of the batch is part of every weight.",
)
@breaks(
    *("credit_sums_to_zero", "no_credit_lies_beyond_the_spread"),
    because="credit above 0 is damped, and every credit is multiplied.",
)
def a_grae(
    *,
    reward: Reward,
    solved: Solved,
    group: Group,
    valid: Valid | None = None,
    alpha: Positive = 1.0,
    eps: Eps = 1e-6,
) -> Credit:
    """Group-relative credit, weighted by the success of the group and of the batch.

        A[i] = grpo(reward)[i] · grae_weight(grpo(reward), solved)[i]

    Options:
        alpha: the success of the batch from which on positive credit counts in full; the authors
            take 1 for mathematics and 0.5 for geometry and medicine.
        eps: small number in the divisors of `grpo` and of `grae_weight`.

    Degenerate cases: a group of one and a constant group get exactly 0, and a batch without success
    gives positive credit 0.

    Source: A-GRAE 2026, arXiv:2602.05548; the authors' code was run.
    Differs from it: as `grae_weight`. The authors' numbers agree on groups of two rows and more.

    >>> import torch
    >>> solved, group = torch.tensor([True, False, False, True]), torch.tensor([0, 0, 1, 1])
    >>> a_grae(reward=solved.float(), solved=solved, group=group)
    tensor([ 0.4268, -0.8535, -0.8535,  0.4268])
    """
    credit = grpo(reward=wide(reward), group=group, valid=valid, eps=eps)
    return credit * grae_weight(
        credit=credit, solved=solved, group=group, valid=valid, alpha=alpha, eps=eps
    )
