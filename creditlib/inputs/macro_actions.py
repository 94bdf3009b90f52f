"""Macro actions: pieces of several tokens that count as one step of a return."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.vocabulary import ArgumentSpec, Cut, Offsets, Turn
from creditlib.vocabulary.contract import (
    can_read_values,
    check_offsets,
    checked,
    contract_error,
    describe_value,
)
from creditlib.vocabulary.conversions import row_of_tokens

__all__ = ["macro_actions"]

Size = Annotated[int, ArgumentSpec("most tokens of a piece", low=1)]
AloneLast = Annotated[bool, ArgumentSpec("the last token of a row is a piece of its own")]


@checked
def macro_actions(
    turn: Turn,
    *,
    size: Size | None = None,
    cut: Cut | None = None,
    alone_last: AloneLast = False,
    offsets: Offsets | None = None,
) -> tuple[Tensor, Tensor]:
    """(macro, count): each turn in pieces of at most `size` tokens, numbered along the row.

        macro[i,t] = pieces of row i that start at or before token t, minus 1;  -1 where turn is -1
        a piece starts at the first token of a turn, where `cut` is true, and `size` tokens after a
        start; count[i] = pieces of row i

    Tokens are those that the policy wrote: what lies between two of them is not counted, and
    `cut` is not read there. `macro` is a turn map and `count` its `turn_count`: `turn_sum`,
    `to_tokens` and `turn_length` take them. `cut` serves pieces of any other rule: random lengths,
    a rise in perplexity, the ends of sentences.

    Special cases: size=1 makes each token a piece, so a return over pieces is one over tokens.
    Without `cut`, a size of at least the longest turn makes each turn a piece.

    Degenerate cases: no piece is empty, and a row without tokens has none. alone_last=True starts a
    piece at the last token of a row; a row of one token has one piece.

    Errors: neither `size` nor `cut` is given; turn ids go back along a row.

    Source: MA-RLHF, ICLR 2025; the authors' code was run.
    Differs from it: where the length minus 1 is a multiple of `size`, their cuts hold an empty
    piece, whose value of 0 the piece before it is compared with. Six tokens of a size of 5, the
    value 2 everywhere, and lam=0: -2, 2, 1 there, 0 and 1 here.

    >>> turn = torch.tensor([[0, 0, 0, -1, 0, -1, 1, 1], [-1, 0, 0, -1, -1, -1, -1, -1]])
    >>> macro, count = macro_actions(turn, size=2)
    >>> macro
    tensor([[ 0,  0,  1, -1,  1, -1,  2,  2],
            [-1,  0,  0, -1, -1, -1, -1, -1]])
    >>> count
    tensor([3, 1])
    """
    if size is None and cut is None:
        raise contract_error("macro_actions", "size", "given, or `cut`, or both", "neither")
    axes = 2 if offsets is None else 1
    if turn.ndim != axes:
        wanted = "int[batch token]" if offsets is None else "int[token] with `offsets`"
        raise contract_error("macro_actions", "turn", wanted, describe_value(turn))
    if offsets is not None and can_read_values(offsets):
        check_offsets("macro_actions", offsets, turn.shape[0])
    refuse_unordered_turns("macro_actions", turn, offsets)
    if offsets is None:
        rows, width = turn.shape
        bounds = torch.arange(rows + 1, device=turn.device) * width
        row = torch.arange(rows, device=turn.device).repeat_interleave(width)
    else:
        bounds = offsets.to(torch.int64)
        row = row_of_tokens(offsets, turn.shape[0])
    flat = turn.reshape(-1)
    by = None if cut is None else cut.reshape(-1)
    starts = _starts(flat, row, len(bounds) - 1, size, by, alone_last)
    before = torch.nn.functional.pad(torch.cumsum(starts, 0), (1, 0))
    macro = torch.where(flat >= 0, before[1:] - before[bounds[row]] - 1, -1)
    return macro.view(turn.shape), before[bounds[1:]] - before[bounds[:-1]]


def _starts(
    turn: Tensor,
    row: Tensor,
    rows: int,
    size: int | None,
    cut: Tensor | None,
    alone_last: bool,
) -> Tensor:
    """Where a piece starts, bool[token], for the tokens of all rows in one line."""
    written = turn >= 0
    place = torch.arange(len(turn), device=turn.device)
    earlier = torch.cummax(torch.where(written, place, -1), 0).values.roll(1)
    none = (place == 0) | (earlier < 0)
    earlier = earlier.clamp(min=0)
    starts = written & (none | (turn[earlier] != turn) | (row[earlier] != row))
    if cut is not None:
        starts = starts | (written & cut)
    if size is not None:
        rank = torch.cumsum(written, 0) - 1  # of a token among those that are written
        since = rank - torch.cummax(torch.where(starts, rank, 0), 0).values
        starts = written & (since % size == 0)
    if alone_last:
        last = place.new_full((rows,), -1)
        last = last.scatter_reduce(0, row, torch.where(written, place, -1), "amax")
        starts = starts | (written & (last[row] == place))
    return starts
