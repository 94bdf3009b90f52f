"""The value of a turn, read off a critic's values of tokens, and the last tokens of turns."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from creditlib.inputs.layouts.masks import rows_of
from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.vocabulary import ArgumentSpec, Offsets, Present, Turn, Turns, TurnValue, Value
from creditlib.vocabulary.contract import (
    can_read_values,
    check_offsets,
    checked,
    contract_error,
    describe_value,
)

__all__ = ["turn_ends", "turn_values"]

At = Annotated[
    Literal["first", "last", "before"],
    ArgumentSpec("the token whose value is that of its turn"),
]


@checked
def turn_values(
    value: Value,
    turn: Turn,
    turns: Turns,
    *,
    at: At = "first",
    present: Present | None = None,
    offsets: Offsets | None = None,
) -> TurnValue:
    """The value of each turn, taken from one of a critic's values of tokens; float[batch turn].

        result[i,k] = value[i,t]   t as `at` says

    Trainers read it at three tokens. The choice changes credit, often its sign: a critic that saw
    the turn knows more than one that did not.

    Options:
        at: "first", the first token of the turn, as AReaL and HiPER do: the value of the state
            that the turn starts from. "before", the token before that one, as Verlog does: the last
            one of the prompt or of tool output, whose hidden state is that of the same state.
            "last", the last token of the turn, as RAGEN and VAGEN do: it has seen the turn.
        present: with at="before", tokens that are false are padding. Without it every token that
            lies before a turn in its row is taken for one that exists.

    Degenerate cases: a turn without tokens has value 0. A turn with no token before it has with
    at="before" the value of its first token.

    Errors: turn ids go back along a row, or reach `turns`.

    Source: areal/trainer/ppo/gae.py, ragen/trainer/core_algos.py, and the core_algos.py of Verlog.

    >>> value, turn = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), torch.tensor([[-1, 0, 0, -1, 1]])
    >>> [turn_values(value, turn, 2, at=at).tolist() for at in ("first", "last", "before")]
    [[[2.0, 5.0]], [[3.0, 5.0]], [[1.0, 4.0]]]
    """
    _check(turn, offsets, "turn_values")
    if can_read_values(turn) and turn.numel() and int(turn.max()) >= turns:
        found = str(int(turn.max()))
        raise contract_error("turn_values", "turn", f"below the {turns} `turns`", found)
    row, rows = _rows(turn, offsets)
    flat, tokens = turn.reshape(-1), turn.numel()
    # Column 0 holds the tokens that the policy did not write, and is dropped.
    cell = row * (turns + 1) + flat.to(torch.int64).clamp(min=-1) + 1
    place = torch.arange(tokens, device=turn.device)
    none, reduce = (-1, "amax") if at == "last" else (tokens, "amin")
    found = torch.full((rows * (turns + 1),), none, device=turn.device)
    found = found.scatter_reduce(0, cell, place, reduce).view(rows, turns + 1)[:, 1:]
    read, some = found.clamp(min=0, max=max(tokens - 1, 0)), found != none
    if at == "before" and tokens:
        before = (read - 1).clamp(min=0)
        exists = (read > 0) & (row[before] == row[read])
        if present is not None:
            exists = exists & present.reshape(-1)[before]
        read = torch.where(exists, before, read)
    result = value.new_zeros(found.shape)
    return torch.where(some, value.reshape(-1)[read], result) if tokens else result


@checked
def turn_ends(turn: Turn, *, offsets: Offsets | None = None) -> Tensor:
    """Whether a token is the last one that the policy wrote in its turn; bool like `turn`.

    `to_tokens(credit, turn, weight=turn_ends(turn).float())` puts the credit of a turn on its last
    token.

    Errors: turn ids go back along a row.

    >>> turn_ends(torch.tensor([[0, 0, -1, 0, 1, -1]]))
    tensor([[False, False, False,  True,  True, False]])
    """
    _check(turn, offsets, "turn_ends")
    row, _ = _rows(turn, offsets)
    flat, tokens = turn.reshape(-1), turn.numel()
    if not tokens:
        return torch.zeros_like(turn, dtype=torch.bool)
    place = torch.arange(tokens, device=turn.device)
    after = torch.where(flat >= 0, place, tokens).flip(0)
    after = torch.nn.functional.pad(torch.cummin(after, 0).values.flip(0)[1:], (0, 1), value=tokens)
    near = after.clamp(max=tokens - 1)
    same = (after < tokens) & (row[near] == row) & (flat[near] == flat)
    return ((flat >= 0) & ~same).view(turn.shape)


def _check(turn: Tensor, offsets: Tensor | None, function: str) -> None:
    axes = 2 if offsets is None else 1
    if turn.ndim != axes:
        wanted = "int[batch token]" if offsets is None else "int[token] with `offsets`"
        raise contract_error(function, "turn", wanted, describe_value(turn))
    if offsets is not None and can_read_values(offsets):
        check_offsets(function, offsets, turn.shape[0])
    refuse_unordered_turns(function, turn, offsets)


def _rows(turn: Tensor, offsets: Tensor | None) -> tuple[Tensor, int]:
    """The row of each token, in one line, and how many rows there are."""
    if offsets is not None:
        return rows_of(offsets, turn.shape[0]), offsets.shape[0] - 1
    rows, width = turn.shape
    row = torch.arange(rows, device=turn.device)[:, None].expand(rows, width)
    return row.reshape(-1), rows
