"""Turn maps: from a mask, and what can be counted in them."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.inputs.layouts.masks import as_mask, rows_of
from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.vocabulary import Offsets, Turn, TurnCount, TurnLength, Turns
from creditlib.vocabulary.contract import (
    can_read_values,
    check_offsets,
    checked,
    contract_error,
    describe_value,
)
from creditlib.vocabulary.conversions import runs_of_mask

__all__ = ["count_turns", "turn_length", "turns_from_mask"]


@checked
def turns_from_mask(mask: Tensor, *, offsets: Offsets | None = None) -> Turn:
    """Each run of policy tokens of a mask becomes a turn.

    Options:
        mask: [batch token] or [token]; the tokens that the policy wrote: bool, or 0 and 1 of any
            dtype. A packed mask needs `offsets`.

    >>> turns_from_mask(torch.tensor([[0, 1, 1, 0, 1]]))
    tensor([[-1,  0,  0, -1,  1]])
    """
    written = as_mask("turns_from_mask", "mask", mask, offsets)
    if offsets is not None and can_read_values(offsets):
        check_offsets("turns_from_mask", offsets, mask.shape[0])
    return runs_of_mask(written, offsets)


@checked
def count_turns(turn: Turn) -> TurnCount:
    """How many turns each padded row has: its largest turn id plus one.

    >>> count_turns(torch.tensor([[-1, 0, 1], [-1, -1, -1]]))
    tensor([2, 0])
    """
    if turn.ndim != 2:
        raise contract_error("count_turns", "turn", "int[batch token]", describe_value(turn))
    return torch.nn.functional.pad(turn, (1, 0), value=-1).amax(1).to(torch.int64) + 1


@checked
def turn_length(
    turn: Turn, turns: Turns | None = None, *, offsets: Offsets | None = None
) -> TurnLength:
    """How many tokens the policy wrote in each turn, int64[batch turn].

    Without `turns` there are as many columns as the largest turn id needs; a GPU waits for it.
    A turn without tokens has length 0.

    >>> turn_length(torch.tensor([[-1, 0, 0, -1, 1], [0, -1, -1, -1, -1]]))
    tensor([[2, 1],
            [1, 0]])
    """
    axes = 2 if offsets is None else 1
    if turn.ndim != axes:
        wanted = "int[batch token]" if offsets is None else "int[token] with `offsets`"
        raise contract_error("turn_length", "turn", wanted, describe_value(turn))
    refuse_unordered_turns("turn_length", turn, offsets)
    largest = int(turn.max()) if turn.numel() and (turns is None or can_read_values(turn)) else -1
    columns = largest + 1 if turns is None else turns
    if largest >= columns:
        raise contract_error("turn_length", "turn", f"below the {columns} `turns`", str(largest))
    if offsets is None:
        rows = turn.shape[0]
        row = torch.arange(rows, device=turn.device)[:, None].expand(turn.shape)
    else:
        rows, row = offsets.shape[0] - 1, rows_of(offsets, turn.shape[0])
    # Column 0 counts the tokens that the policy did not write, and is dropped.
    cell = row * (columns + 1) + turn.to(torch.int64).clamp(min=-1) + 1
    total = torch.zeros(rows * (columns + 1), dtype=torch.int64, device=turn.device)
    one = torch.ones_like(cell).reshape(-1)
    return total.index_add(0, cell.reshape(-1), one).view(rows, columns + 1)[:, 1:].contiguous()
