"""Rewards for a change of state: the difference of a potential."""

from __future__ import annotations

import torch

from creditlib.algebra import next_turn, valid_turns, wide
from creditlib.vocabulary import Final, Gamma, Potential, TurnCount, TurnRewards, Valid
from creditlib.vocabulary.contract import checked

__all__ = ["potential_shaping"]


@checked
def potential_shaping(
    *,
    potential: Potential,
    turn_count: TurnCount,
    final: Final | None = None,
    valid: Valid | None = None,
    gamma: Gamma = 1.0,
) -> TurnRewards:
    """The rise of a potential over a turn: it pays for a change of state.

        F[i,k] = gamma · Φ[i,k+1] − Φ[i,k];  Φ = potential, Φ after the last turn = final (or 0)

    Added to the rewards of a task with the discount gamma and a `final` of 0, it leaves the best
    policy as it is.

    Degenerate cases: equal potentials with gamma=1 and `final` equal to them give exactly 0. Turns
    past `turn_count` get 0.

    Source: Ng, Harada and Russell 1999.

    >>> import torch
    >>> potential_shaping(
    ...     potential=torch.tensor([[1.0, 3.0]]),
    ...     turn_count=torch.tensor([2]),
    ...     final=torch.tensor([4.0]),
    ... )
    tensor([[2., 1.]])
    """
    where = valid_turns(turn_count, potential.shape[1], valid)
    rise = gamma * next_turn(wide(potential), where, final) - wide(potential)
    return torch.where(where, rise, 0.0)
