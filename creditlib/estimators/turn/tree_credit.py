"""Turns of a tree of rollouts: the value of the subtree of a turn against that of its parent."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from creditlib.algebra import prefix_ids, valid_rows, valid_turns, wide
from creditlib.ops.groups import dense
from creditlib.ops.groups.reference import group_count, group_max, group_sum
from creditlib.vocabulary import (
    ArgumentSpec,
    Backend,
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
from creditlib.vocabulary.contract import checked, contract_error

__all__ = ["tree_credit"]

NodeValue = Annotated[
    Literal["leaf_mean", "child_mean", "child_softmax"],
    ArgumentSpec(
        "the value of a node: the mean over the rows through it, the mean over its children, or "
        "that with children weighted by exp(turn_entropy)"
    ),
]
Against = Annotated[
    Literal["parent", "root", "both"],
    ArgumentSpec(
        "what is subtracted from the value of a node: that of its parent, that of the root, each "
        "once from two times the value, or nothing"
    ),
]


@checked
@breaks(
    "credit_sums_to_zero",
    because="the credit of a turn sums to zero over its siblings, not over rows of unequal length.",
)
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="another path is another node, and a turn that others have too joins theirs.",
)
@breaks(
    "no_credit_lies_beyond_the_spread",
    because="two differences are added, or nothing is subtracted.",
    against=("both", None),
)
@breaks(
    "constant_groups_get_nothing",
    "shifting_rewards_changes_nothing",
    because="the value of a node holds the mean of its rewards.",
    against=None,
)
@breaks(
    "lone_members_get_nothing",
    because="a group of one gets its reward as it is.",
    lone="raw",
)
def tree_credit(
    *,
    reward: Reward,
    group: Group,
    node: Node,
    turn_count: TurnCount,
    turn_entropy: TurnEntropy | None = None,
    valid: Valid | None = None,
    value: NodeValue = "leaf_mean",
    against: Against | None = "parent",
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> TurnCredit:
    """The value of the subtree of a turn against that of its parent; one row for each leaf.

        parent:  A[i,k] = V(n) − V(parent of n);    root:  A[i,k] = V(n) − V(root)
        both:    A[i,k] = 2 · V(n) − V(parent of n) − V(root);    None:  A[i,k] = V(n)
        leaf_mean:   V(n) = mean reward of the rows through n
        child_mean:  V(n) = mean of V over the children of n, each child once
        child_softmax:  V(n) = Σ exp(H(c)) · V(c) / Σ exp(H(c)) over the children c of n

    n is the node of turn k of row i: turns of a group are one node if all ids `node` up to them are
    equal. The root is the parent of the first nodes. H(c) is the mean `turn_entropy` of the turns
    that are c. With child_*, the value of a node without children is the mean reward of the rows
    that end there. Give normalized leaves as `reward`: `grpo(reward=reward, group=group, ddof=0)`.

    A shared turn has equal credit in each row that holds its tokens: divide by the number of those
    rows, or train on the turn once.

    Special cases: in a tree whose rows part at the first turn, child_mean is leaf_mean, and of one
    turn the result is `grpo` with scale=None.

    Degenerate cases: a constant tree, and a turn that all rows of its parent share, give exactly 0
    against the parent. A group of one gets 0 (lone="raw": its reward at each turn). A row that ends
    where another goes on counts in leaf_mean, and child_* does not read its reward; so does a row
    without turns at the root. Turns past `turn_count` get 0. `turn_entropy` is read by
    "child_softmax" only.

    Errors: value="child_softmax" comes without `turn_entropy`.

    Source: AT²PO 2026, arXiv:2601.04767, whose functions were run (`presets.AT2PO_TREE`); by
    equation SPO's trees (`presets.SPO_TREE`) and TreeRPO (`presets.TREE_RPO`).
    Differs from them: SPO's trees and TreeRPO may divide by the deviation of siblings; this does
    not. Values are computed from the group's smallest reward on, so constants leave no rounding.

    >>> import torch
    >>> tree_credit(
    ...     reward=torch.tensor([1.0, 0.0, 0.0]),
    ...     group=torch.tensor([0, 0, 0]),
    ...     node=torch.tensor([[5, 7], [5, 8], [6, 7]]),
    ...     turn_count=torch.tensor([2, 2, 2]),
    ...     value="child_mean",
    ... )
    tensor([[ 0.2500,  0.5000],
            [ 0.2500, -0.5000],
            [-0.2500,  0.0000]])
    """
    if value == "child_softmax" and turn_entropy is None:
        raise contract_error("tree_credit", "turn_entropy", "given with 'child_softmax'", "None")
    rows, where = valid_rows(valid, group), valid_turns(turn_count, node.shape[1], valid)
    root = dense(group, backend=backend)
    # Constants are exact, and so are small differences of large rewards.
    least = torch.where(rows, -group_max(-wide(reward), root, rows), 0.0)
    own = torch.where(rows, wide(reward) - least, 0.0)
    ids = prefix_ids(node, group, where=where, backend=backend).t()
    first = torch.arange(len(ids), device=node.device)[:, None] * len(group)
    # By depth, the root first: the node of each row, and whether the row takes part there.
    index = torch.cat([root[None], (ids - first).clamp(min=0)])
    through = torch.cat([rows[None], where.t()])
    if value == "leaf_mean":
        values = torch.stack(
            [_mean(own, wide(at), i) for at, i in zip(through, index, strict=True)]
        )
    else:
        every = torch.cat([root[None] - len(group), ids])
        depth = (through.sum(0, keepdim=True) - 1).clamp(min=0)
        leaf = _mean(own, wide(rows), dense(every.gather(0, depth)[0], backend=backend))
        entropy = (
            turn_entropy.t() if turn_entropy is not None and value == "child_softmax" else None
        )
        values = _from_children(leaf, index, through, entropy)
    result = _compared(values, against, least).t()
    alone = rows & (group_count(root, rows) == 1)
    single = torch.where(alone, wide(reward) if lone == "raw" else 0.0, 0.0)
    return torch.where(where, torch.where(alone[:, None], single[:, None], result), 0.0)


def _from_children(leaf: Tensor, index: Tensor, through: Tensor, entropy: Tensor | None) -> Tensor:
    """The value of the node of each row at each depth, [turn+1 batch], the root first.

    `leaf` is the value of the last node of a row; `index` names the nodes of each depth.
    """
    value, found = leaf, [leaf]
    for k in range(len(index) - 2, -1, -1):
        goes_on, child, parent = through[k + 1], index[k + 1], index[k]
        held = group_count(child, goes_on).clamp(min=1)
        weight = torch.where(goes_on, 1 / held, 0.0)  # once for each child, whoever holds it
        if entropy is not None:
            mean = group_sum(torch.where(goes_on, wide(entropy[k]), 0.0), child) / held
            over = torch.where(goes_on, mean - group_max(mean, parent, goes_on), 0.0)
            weight = weight * torch.exp(over)
        value = _mean(torch.where(goes_on, value, leaf), weight, parent)
        found.append(value)
    return torch.stack(found[::-1])


def _mean(x: Tensor, weight: Tensor, index: Tensor) -> Tensor:
    """The weighted mean of the node of each row, the same bits for each; x where all weigh 0."""
    least = -group_max(-x, index, weight > 0)
    mass = group_sum(weight, index)
    total = group_sum(torch.where(weight > 0, weight * (x - least), 0.0), index)
    return torch.where(mass > 0, least + total / torch.where(mass > 0, mass, 1.0), x)


def _compared(values: Tensor, against: str | None, least: Tensor) -> Tensor:
    """The value of each turn against others, from that of each depth; `least` was taken off."""
    own, parent, root = values[1:], values[:-1], values[:1]
    if against is None:
        return own + least
    if against == "both":
        return (own - parent) + (own - root)
    return own - (root if against == "root" else parent)
