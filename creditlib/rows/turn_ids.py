"""Turn ids beside the mask: which turn of its row wrote a token.

They say what a mask cannot: a turn that wrote no token, and two turns side by side.
"""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.vocabulary.messages import contract_error, describe_value

__all__ = ["checked_turn_ids", "one_turn", "turns_of_ids"]


def checked_turn_ids(turn: Tensor) -> Tensor:
    """int64[row token], -1 where the policy wrote nothing; refused if the ids go back along a row.

    >>> checked_turn_ids(torch.tensor([[-1, 0, 0, 2, -1]]))
    tensor([[-1,  0,  0,  2, -1]])
    """
    if turn.dtype is torch.bool or turn.is_floating_point() or turn.is_complex():
        remedy = "a mask belongs into `mask` or `turn_mask`" if turn.dtype is torch.bool else ""
        raise contract_error("read_rows", "turn", "int[row token]", describe_value(turn), remedy)
    ids = turn.detach().to(torch.int64)
    if not ids.numel():
        return ids
    below = ids < -1
    back = (ids >= 0) & (ids < torch.cummax(ids, 1).values)
    wrong = below | back
    if bool(wrong.any()):
        row, token = wrong.nonzero()[0].tolist()
        found = int(ids[row, token])
        wanted = "-1 or the number of a turn, never going back along a row"
        fact = f"{found} in row {row}, token {token}"
        if bool(back[row, token]):
            fact = f"{found} after {int(ids[row, :token].max())} in row {row}, token {token}"
        remedy = "a 0/1 mask? pass it as `mask` or `turn_mask`" if int(ids.max()) == 1 else ""
        raise contract_error("read_rows", "turn", wanted, fact, remedy)
    return ids


def turns_of_ids(turn: Tensor) -> list[int]:
    """The number of turns of each row: its last id plus one.

    >>> turns_of_ids(torch.tensor([[-1, 1], [-1, -1]]))
    [2, 0]
    """
    return (turn.amax(1) + 1).tolist() if turn.shape[1] else [0] * len(turn)


def one_turn(mask: Tensor, step: object) -> Tensor | None:
    """The turn ids of rows that are steps: each row is one turn, even if its mask has gaps.

    None without steps: the turns are then the runs of the mask.

    >>> one_turn(torch.tensor([[1, 0, 1]]), [0])
    tensor([[ 0, -1,  0]])
    """
    return None if step is None else (mask != 0).to(torch.int64) - 1
