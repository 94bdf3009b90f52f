"""AT²PO: the value of the subtree of each turn, with uncertain turns counted more."""

from __future__ import annotations

from creditlib.estimators import grpo, tree_credit
from creditlib.vocabulary import (
    Eps,
    Group,
    Lone,
    Node,
    Reward,
    TurnCount,
    TurnCredit,
    TurnEntropy,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["at2po"]


@checked
@breaks(
    "credit_sums_to_zero",
    because="the value of a turn is the credit of all rows through it, and nothing is subtracted.",
)
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="another path is another node, and a turn that others have too joins theirs.",
)
@breaks(
    "better_is_never_worse",
    because="a better reward lowers the scores of the other rows through the same turn.",
)
@breaks(
    "lone_members_get_nothing",
    because="a group of one gets its value as it is.",
    lone="raw",
)
def at2po(
    *,
    reward: Reward,
    group: Group,
    node: Node,
    turn_count: TurnCount,
    turn_entropy: TurnEntropy,
    valid: Valid | None = None,
    eps: Eps = 1e-6,
    lone: Lone = "zero",
) -> TurnCredit:
    """The mean credit of the children of a turn, weighted by exp of their entropy.

        A[i,k] = V(n);  V(n) = Σ exp(H(c)) · V(c) / Σ exp(H(c)) over the children c of n
        V(leaf) = mean over its rows of (reward − mean) / (std + eps), those of the group

    n is the node of turn k of row i, as in `tree_credit`; std divides by the number of rows.

    Degenerate cases: those of `tree_credit` with value="child_softmax" and against=None. A constant
    group gives exactly 0.

    Source: AT²PO 2026, arXiv:2601.04767; the authors' functions were run.
    Differs from it: a group of one gets 0 in every case.

    >>> import torch
    >>> at2po(
    ...     reward=torch.tensor([1.0, 0.0]),
    ...     group=torch.tensor([0, 0]),
    ...     node=torch.tensor([[5, 7], [5, 8]]),
    ...     turn_count=torch.tensor([2, 2]),
    ...     turn_entropy=torch.tensor([[0.3, 1.0], [0.3, 0.0]]),
    ... )
    tensor([[ 0.4621,  1.0000],
            [ 0.4621, -1.0000]])
    """
    leaves = grpo(reward=reward, group=group, valid=valid, ddof=0, eps=eps, lone=lone)
    return tree_credit(
        reward=leaves,
        group=group,
        node=node,
        turn_count=turn_count,
        turn_entropy=turn_entropy,
        valid=valid,
        value="child_softmax",
        against=None,
        lone=lone,
    )
