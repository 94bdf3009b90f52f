"""Tree-GRPO: outcomes among those of the prompt, then among those of the tree."""

from __future__ import annotations

from typing import Any

from creditlib.algebra import relative, wide
from creditlib.vocabulary import Credit, Ddof, Eps, Group, Lone, Reward, Tree, Valid, breaks
from creditlib.vocabulary.contract import checked

__all__ = ["tree_grpo"]


@checked
@breaks(
    "different_rewards_get_some_credit",
    because="the only row of a tree has no other row to be compared with.",
)
@breaks(
    "credit_sums_to_zero",
    "lone_members_get_nothing",
    because="the only row of a group or of a tree gets its value as it is.",
    lone="raw",
)
def tree_grpo(
    *,
    reward: Reward,
    group: Group,
    tree: Tree,
    valid: Valid | None = None,
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
    lone: Lone = "zero",
) -> Credit:
    """The z-score of a rollout among the z-scores of its tree.

        A[i] = (z[i] − mean) / (std + eps)  over the rollouts of tree(i) in group(i)
        z[i] = (reward[i] − mean) / (std + eps)  over those of group(i)

    Trees of different groups are different, also where their ids are equal.

    Degenerate cases: a constant group and a constant tree give exactly 0. The only row of a group
    or of a tree gets 0 (lone="raw": its value, over a scale of 1).

    Source: Tree-GRPO 2025, whose function was run.
    Differs from it: a group of one gets 0 (`presets.TREE_GRPO` restores its value).

    >>> import torch
    >>> tree_grpo(
    ...     reward=torch.tensor([1.0, 0.0, 0.0, 0.0]),
    ...     group=torch.tensor([0, 0, 0, 0]),
    ...     tree=torch.tensor([4, 4, 5, 5]),
    ... )
    tensor([ 0.7071, -0.7071,  0.0000,  0.0000])
    """
    options: dict[str, Any] = {"scale": "std", "ddof": ddof, "eps": eps, "lone": lone}
    z = relative(wide(reward), group, valid=valid, **options)
    return relative(z, group, tree, valid=valid, **options)
