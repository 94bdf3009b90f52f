"""Thoughts: consecutive turns of one verdict as one unit."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.vocabulary import Label, Offsets, Turn, TurnCount
from creditlib.vocabulary.contract import (
    can_read_values,
    check_offsets,
    checked,
    contract_error,
    describe_value,
)
from creditlib.vocabulary.conversions import row_of_tokens
from creditlib.vocabulary.regions import existing_turns

__all__ = ["thoughts"]


@checked
def thoughts(
    label: Label, turn_count: TurnCount, turn: Turn, *, offsets: Offsets | None = None
) -> tuple[Tensor, Tensor]:
    """(thought, count): the thought that wrote each token, and how many a row has.

        a thought starts at turn 0, and where label[i,k] ≠ label[i,k−1]
        thought[i,t] = thoughts of row i that start at or before turn[i,t], minus 1;  -1 where
        turn is -1;    count[i] = thoughts of row i

    `thought` is a turn map and `count` its `turn_count`: `turn_sum`, `to_tokens` and `turn_length`
    take them, and a reward of each thought goes to `grpo_process`. The thought of each turn is
    `thoughts(label, turn_count, k)` with k, the numbers of the turns, -1 past `turn_count`.

    Special cases: labels that differ from turn to turn leave the turns as they are; equal ones make
    a row one thought.

    Degenerate cases: a row without turns has no thought. A token whose turn lies past `turn_count`
    has none, as if the policy had not written it. Labels past `turn_count` are not read.

    Source: TP-GRPO 2025, arXiv:2507.23317, by equation. Its scaling by capability is not published.

    >>> label, count = torch.tensor([[1, 1, 0, 0]]), torch.tensor([3])
    >>> thoughts(label, count, torch.tensor([[0, 0, -1, 1, 2, 2, -1]]))
    (tensor([[ 0,  0, -1,  0,  1,  1, -1]]), tensor([2]))
    """
    axes = 2 if offsets is None else 1
    if turn.ndim != axes:
        wanted = "int[batch token]" if offsets is None else "int[token] with `offsets`"
        raise contract_error("thoughts", "turn", wanted, describe_value(turn))
    if offsets is not None and can_read_values(offsets):
        check_offsets("thoughts", offsets, turn.shape[0])
    real = existing_turns(turn_count, label.shape[1])
    starts = real.clone()
    starts[:, 1:] &= label[:, 1:] != label[:, :-1]
    number = torch.where(real, torch.cumsum(starts, 1) - 1, -1)
    # One column more holds -1, for tokens that nobody wrote.
    table = torch.nn.functional.pad(number, (0, 1), value=-1)
    turns = label.shape[1]
    written = (turn >= 0) & (turn < turns)
    column = torch.where(written, turn, turns).to(torch.int64)
    if offsets is None:
        return table.gather(1, column), starts.sum(1)
    return table[row_of_tokens(offsets, turn.shape[0]), column], starts.sum(1)
