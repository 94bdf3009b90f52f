"""Boolean selections of rows and turns."""

from __future__ import annotations

import torch
from einops import repeat
from torch import Tensor

__all__ = ["flat", "valid_rows", "valid_turns"]


def valid_rows(valid: Tensor | None, like: Tensor) -> Tensor:
    """The rows that take part: `valid`, or all rows of `like`.

    Args:
        valid: bool[batch]; rows that take part; None for all.
        like: [batch …]; any tensor with a row for each trajectory.

    >>> valid_rows(None, torch.zeros(2)).tolist()
    [True, True]
    """
    if valid is not None:
        return valid
    return torch.ones(like.shape[0], dtype=torch.bool, device=like.device)


def valid_turns(turn_count: Tensor, turns: int, valid: Tensor | None) -> Tensor:
    """The turns that exist in selected rows, bool[batch turn].

    Args:
        turn_count: int[batch]; turns of the trajectory.
        turns: size of the axis of turns, at least 0.
        valid: bool[batch]; rows that take part; None for all.

    >>> valid_turns(torch.tensor([2, 0]), 3, None).tolist()
    [[True, True, False], [False, False, False]]
    """
    exists = torch.arange(turns, device=turn_count.device) < turn_count[:, None]
    return exists if valid is None else exists & valid[:, None]


def flat(x: Tensor, like: Tensor) -> Tensor:
    """A value per row repeated for each of its turns, [batch] -> [batch·turn].

    >>> flat(torch.tensor([4, 5]), torch.zeros(2, 2)).tolist()
    [4, 4, 5, 5]
    """
    return repeat(x, "batch -> (batch turn)", turn=like.shape[1])
