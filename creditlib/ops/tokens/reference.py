"""Between levels: trajectory or turn values to tokens, tokens to turns."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.inputs.layouts import rows_of
from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.precision import as_float, copy_to_out, narrow, wide
from creditlib.vocabulary.contract import ContractError, can_read_values, contract_error

__all__ = ["check_layout", "no_such_turn", "refuse_turns", "sum_turns", "to_tokens"]


def check_layout(function: str, turn: Tensor, offsets: Tensor | None) -> None:
    """Packed tokens and offsets go together.

    >>> check_layout("gae", torch.tensor([0, 1]), torch.tensor([0, 1, 2]))
    """
    if (turn.ndim == 1) == (offsets is not None):
        return
    if offsets is None:
        raise contract_error(function, "offsets", "int[batch+1] with a packed `turn`", "None")
    fact = f"{turn.dtype} {tuple(turn.shape)}"
    raise contract_error(function, "turn", "int[token] with `offsets`", fact)


def refuse_turns(function: str, turn: Tensor, turns: int, offsets: Tensor | None = None) -> None:
    """Refuse a turn id without a column, and ids that go back along a row.

    Values are looked at where looking costs no wait for a device.

    >>> refuse_turns("to_tokens", torch.tensor([[0, 1]]), 2)
    """
    refuse_unordered_turns(function, turn, offsets)
    if can_read_values(turn) and turn.numel() and int(turn.max()) >= turns:
        raise no_such_turn(function, int(turn.max()), turns)


def no_such_turn(function: str, found: int, turns: int) -> ContractError:
    """The refusal of a turn id past the turns of the batch.

    >>> print(no_such_turn("to_tokens", 4, 3))
    to_tokens: `turn` must be below the 3 turns of the batch, got 4.
    """
    return contract_error(function, "turn", f"below the {turns} turns of the batch", str(found))


def to_tokens(
    credit: Tensor,
    turn: Tensor,
    *,
    weight: Tensor | None = None,
    offsets: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Every token gets the credit of its row, or of its turn; exactly 0 where turn < 0.

    >>> to_tokens(torch.tensor([[5.0, 6.0]]), torch.tensor([[0, -1, 1]]))
    tensor([[5., 0., 6.]])
    """
    credit = as_float(credit)
    row = None if offsets is None else rows_of(offsets, turn.shape[0])
    if credit.ndim == 1:
        refuse_unordered_turns("to_tokens", turn, offsets)
        result = _of_rows(credit, turn, row)
    else:
        refuse_turns("to_tokens", turn, credit.shape[1], offsets)
        result = _of_turns(credit, turn, row)
    if weight is not None:
        result.mul_(weight.to(result.dtype)).masked_fill_(turn < 0, 0)
    return copy_to_out(result, out)


def _of_rows(credit: Tensor, turn: Tensor, row: Tensor | None) -> Tensor:
    value = credit[:, None] if row is None else credit[row]
    return torch.where(turn >= 0, value, torch.zeros_like(value))


def _of_turns(credit: Tensor, turn: Tensor, row: Tensor | None) -> Tensor:
    # Column 0 of the table is the credit of unwritten tokens: the gather needs no mask afterwards.
    table = torch.nn.functional.pad(credit, (1, 0))
    index = (turn.to(torch.int64) + 1).clamp_(min=0)
    return table.gather(1, index) if row is None else table[row, index]


def sum_turns(x: Tensor, turn: Tensor, turns: int, *, offsets: Tensor | None = None) -> Tensor:
    """The sum of x over the tokens of each turn, [batch token] -> [batch turn], added in float64.

    >>> sum_turns(torch.tensor([[1.0, 9.0, 2.0]]), torch.tensor([[0, -1, 0]]), 2)
    tensor([[3., 0.]])
    """
    refuse_turns("turn_sum", turn, turns, offsets)
    row = None if offsets is None else rows_of(offsets, turn.shape[0])
    rows = turn.shape[0] if offsets is None else offsets.shape[0] - 1
    # Column 0 takes the tokens that the policy did not write, and is dropped.
    where = turn >= 0
    index = torch.where(where, turn.to(torch.int64) + 1, 0)
    kept = torch.where(where, wide(x), torch.zeros_like(wide(x)))
    if row is None:
        total = kept.new_zeros(rows, turns + 1).scatter_add(1, index, kept)
    else:
        flat = kept.new_zeros(rows * (turns + 1))
        total = flat.index_add(0, row * (turns + 1) + index, kept).view(rows, turns + 1)
    return narrow(total[:, 1:], x).contiguous()
