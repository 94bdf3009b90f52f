"""Between levels: trajectory or turn values to tokens, tokens to turns."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.contract import refuse
from creditlib.layouts import rows_of

__all__ = ["packed_rows", "sum_turns", "to_tokens"]


def packed_rows(function: str, turn: Tensor, offsets: Tensor | None) -> Tensor | None:
    """The row of each packed token, None for padded rows; packed rows and offsets go together.

    >>> packed_rows("gae", torch.tensor([0, 1]), torch.tensor([0, 1, 2])).tolist()
    [0, 1]
    """
    if (turn.ndim == 1) == (offsets is not None):
        return None if offsets is None else rows_of(offsets, turn.shape[0])
    if offsets is None:
        raise refuse(function, "offsets", "int[batch+1] with a packed `turn`", "None")
    fact = f"{turn.dtype} {tuple(turn.shape)}"
    raise refuse(function, "turn", "int[token] with `offsets`", fact)


def to_tokens(credit: Tensor, turn: Tensor, row: Tensor | None) -> Tensor:
    """Every token gets the credit of its row, or of its turn; exactly 0 where turn < 0.

    >>> to_tokens(torch.tensor([[5.0, 6.0]]), torch.tensor([[0, -1, 1]]), None)
    tensor([[5., 0., 6.]])
    """
    if credit.ndim == 1:
        value = credit[:, None] if row is None else credit[row]
        return torch.where(turn >= 0, value, torch.zeros_like(value))
    # Column 0 of the table is the credit of nobody: one gather then needs no mask behind it.
    table = torch.nn.functional.pad(credit, (1, 0))
    index = (turn.to(torch.int64) + 1).clamp_(min=0)
    return table.gather(1, index) if row is None else table[row, index]


def sum_turns(x: Tensor, turn: Tensor, turns: int, rows: int, row: Tensor | None) -> Tensor:
    """The sum of x over the tokens of each turn, [batch token] -> [batch turn].

    >>> sum_turns(torch.tensor([[1.0, 9.0, 2.0]]), torch.tensor([[0, -1, 0]]), 2, 1, None)
    tensor([[3., 0.]])
    """
    # Column 0 takes what nobody wrote, and is dropped.
    mine = turn >= 0
    index = torch.where(mine, turn.to(torch.int64) + 1, 0)
    kept = torch.where(mine, x, torch.zeros_like(x))
    if row is None:
        return x.new_zeros(rows, turns + 1).scatter_add(1, index, kept)[:, 1:].contiguous()
    flat = x.new_zeros(rows * (turns + 1)).index_add(0, row * (turns + 1) + index, kept)
    return flat.view(rows, turns + 1)[:, 1:].contiguous()
