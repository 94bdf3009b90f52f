"""Turn ids beside the mask: which turn of its row wrote a token.

They say what a mask cannot: a turn that wrote no token, and two turns side by side.
"""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.ops.turn_maps import TurnMap, map_ids
from creditlib.vocabulary.messages import contract_error, describe_value

__all__ = ["map_of_ids", "one_turn"]


def map_of_ids(turn: Tensor) -> TurnMap:
    """The map of ids, -1 where the policy wrote nothing; refused if the ids go back along a row.

    A row has as many turns as its last id says.

    >>> found = map_of_ids(torch.tensor([[-1, 0, 0, 2, -1]]))
    >>> found.turn.tolist(), found.turns.tolist()
    ([[-1, 0, 0, 2, -1]], [3])
    """
    if turn.dtype is torch.bool or turn.is_floating_point() or turn.is_complex():
        remedy = "a mask belongs into `mask` or `turn_mask`" if turn.dtype is torch.bool else ""
        raise contract_error("read_rows", "turn", "int[row token]", describe_value(turn), remedy)
    found = map_ids(turn)
    if not found.fits:
        raise _wrong_id(turn.detach().to(torch.int64))
    return found


def _wrong_id(ids: Tensor) -> Exception:
    """The refusal of the first id that is below -1 or goes back."""
    back = (ids >= 0) & (ids < torch.cummax(ids, 1).values)
    row, token = ((ids < -1) | back).nonzero()[0].tolist()
    found = int(ids[row, token])
    wanted = "-1 or the number of a turn, never going back along a row"
    fact = f"{found} in row {row}, token {token}"
    if bool(back[row, token]):
        fact = f"{found} after {int(ids[row, :token].max())} in row {row}, token {token}"
    remedy = "a 0/1 mask? pass it as `mask` or `turn_mask`" if int(ids.max()) == 1 else ""
    return contract_error("read_rows", "turn", wanted, fact, remedy)


def one_turn(mask: Tensor, step: object) -> Tensor | None:
    """The turn ids of rows that are steps: each row is one turn, even if its mask has gaps.

    None without steps: the turns are then the runs of the mask.

    >>> one_turn(torch.tensor([[1, 0, 1]]), [0])
    tensor([[ 0, -1,  0]])
    """
    return None if step is None else (mask != 0).to(torch.int64) - 1
