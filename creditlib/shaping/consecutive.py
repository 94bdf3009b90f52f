"""Progress until the first mistake."""

from __future__ import annotations

import torch

from creditlib.algebra import valid_turns
from creditlib.vocabulary import SolvedTurn, TurnCount, TurnRewards, Valid, breaks
from creditlib.vocabulary.contract import checked

__all__ = ["consecutive"]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    because="a mistake at an earlier turn ends the progress.",
)
def consecutive(
    *, solved_turn: SolvedTurn, turn_count: TurnCount, valid: Valid | None = None
) -> TurnRewards:
    """1 at a subproblem that was solved together with all before it, else 0.

        turn_reward[i,k] = Π_{j <= k} solved_turn[i,j]

    Degenerate cases: turns past `turn_count` get 0.

    Source: SCRL 2026, arXiv:2605.22074.

    >>> import torch
    >>> solved = torch.tensor([[True, False, True]])
    >>> consecutive(solved_turn=solved, turn_count=torch.tensor([3]))
    tensor([[1., 0., 0.]])
    """
    where = valid_turns(turn_count, solved_turn.shape[1], valid)
    mistakes = (~solved_turn).to(torch.int32).cumsum(1)
    return (where & (mistakes == 0)).to(torch.float32)
