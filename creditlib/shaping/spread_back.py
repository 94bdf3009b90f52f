"""Rewards shared with the turns that led to them."""

from __future__ import annotations

import torch

from creditlib.algebra import returns_to_go, valid_turns, wide
from creditlib.vocabulary import Backend, Gamma, TurnCount, TurnReward, TurnRewards, Valid, breaks
from creditlib.vocabulary.contract import checked

__all__ = ["spread_back"]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    because="a later gain is shared with every turn before it.",
)
def spread_back(
    *,
    turn_reward: TurnReward,
    turn_count: TurnCount,
    valid: Valid | None = None,
    gamma: Gamma = 0.9,
    backend: Backend = "auto",
) -> TurnRewards:
    """Each reward spread over its turn and the turns before it, in shares that sum to 1.

        y[i,k] = Σ_{j >= k} turn_reward[i,j] · gamma^(j−k) / Σ_{d <= j} gamma^d

    It is an eligibility trace with normalized shares: the rewards of a trajectory keep their sum.
    `gamma` is how much less the turn before gets. For gains that the turn which collects them did
    not make alone, such as a rise of a score.

    Special cases: gamma=0 changes nothing; gamma=1 shares each reward equally.

    Degenerate cases: a reward at the first turn stays there. Turns past `turn_count` get 0.

    Source: prime-rl's credit of turns, by the equation of its pull request 3282.

    >>> import torch
    >>> spread_back(
    ...     turn_reward=torch.tensor([[0.0, 3.0]]), turn_count=torch.tensor([2]), gamma=0.5
    ... )
    tensor([[1., 2.]])
    """
    turns = turn_reward.shape[1]
    where = valid_turns(turn_count, turns, valid)
    value = wide(turn_reward)
    power = gamma ** torch.arange(turns, device=value.device, dtype=value.dtype)
    share = torch.where(where, value / power.cumsum(0), 0.0)
    return returns_to_go(share, where, gamma, backend=backend)
