"""MT-GRPO: turns up to a result are also judged by the rewards of turns."""

from __future__ import annotations

import torch

from creditlib.algebra import relative, valid_turns, wide
from creditlib.vocabulary import (
    Boundary,
    Eps,
    Group,
    NonNegative,
    Reward,
    TurnCount,
    TurnCredit,
    TurnReward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["mt_grpo"]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    because="the boundary is a turn number, which a new turn moves.",
)
def mt_grpo(
    *,
    reward: Reward,
    turn_reward: TurnReward,
    group: Group,
    boundary: Boundary,
    turn_count: TurnCount,
    valid: Valid | None = None,
    coefficient: NonNegative = 0.5,
    eps: Eps = 1e-4,
) -> TurnCredit:
    """The z-score of the outcome at every turn, plus that of the turns' rewards up to a boundary.

        A[i,k] = z(reward)[i] + coefficient · z(T)[i] · [k <= boundary[i]]
        A[i,k] = z(reward + T)[i]   where boundary[i] is -1
        T[i] = Σ_k turn_reward[i,k];  z(x)[i] = (x[i] − mean) / (std + eps) over group(i)

    For tool use with one decisive result: `boundary` is the turn whose result came back first, so
    turns that led to it are judged by it, and turns after it are not.

    Options:
        coefficient: factor on the credit of the turns' rewards; the authors take 0.5.

    Special cases: coefficient=0 and a boundary in each row is `grpo` at every turn. A boundary at
    or behind the last turn gives every turn both parts.

    The statistics of T are those of all rows of the group, whether they have a boundary or not.
    Before and after the boundary is the only index of turns, so no turn number has fewer peers than
    another one.

    Degenerate cases: equal values of a group give exactly 0; a group of one gets 0. Turns past
    `turn_count` get 0, and a row without turns counts in the statistics.

    Source: Wei et al. 2025, arXiv:2505.11821 (MT-GRPO); the authors' code was run.
    Differs from it: turns that do not exist and tokens of tools get 0, there a value is left.

    >>> import torch
    >>> mt_grpo(
    ...     reward=torch.tensor([1.0, 0.0]),
    ...     turn_reward=torch.tensor([[0.0, 0.5], [1.0, 0.0]]),
    ...     group=torch.tensor([0, 0]),
    ...     boundary=torch.tensor([0, 0]),
    ...     turn_count=torch.tensor([2, 2]),
    ... )
    tensor([[ 0.3536,  0.7070],
            [-0.3536, -0.7070]])
    """
    turns = turn_reward.shape[1]
    earned = torch.where(valid_turns(turn_count, turns, valid), wide(turn_reward), 0.0).sum(1)
    x = torch.stack([wide(reward), earned, wide(reward) + earned], 1)
    part = torch.arange(3, device=group.device)[None]
    z = relative(x, group, part, valid=valid, scale="std", eps=eps, lone="zero")
    early = torch.arange(turns, device=group.device) <= boundary[:, None]
    apart = z[:, :1] + coefficient * torch.where(early, z[:, 1:2], 0.0)
    credit = torch.where((boundary < 0)[:, None], z[:, 2:], apart)
    return torch.where(valid_turns(turn_count, turns, valid), credit, 0.0)
