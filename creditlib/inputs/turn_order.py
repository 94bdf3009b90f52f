"""Turn ids along a row of tokens: they never go back.

A 0/1 mask is no map of turns: its 0 would be a turn of the prompt, of tool output and of padding.
Wherever a 0 follows a 1 the ids go back, and the map is refused.
"""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.vocabulary.conversions import row_of_tokens
from creditlib.vocabulary.messages import contract_error
from creditlib.vocabulary.small_values import can_read_values

__all__ = ["refuse_first_unordered", "refuse_unordered_turns"]

_WANTED = "ids that never go back along a row, and -1 where the policy wrote nothing"
_REMEDY = "pass a mask as bool, or `layouts.turns_from_mask(mask)`"


def refuse_unordered_turns(
    function: str, turn: Tensor, offsets: Tensor | None = None, where: Tensor | None = None
) -> None:
    """Refuse a map whose ids go back along a row, where values can be read.

    `where`, bool like `turn`, holds the tokens that are checked: those that are not written are
    never checked.

    >>> refuse_unordered_turns("gae", torch.tensor([[0, 0, -1, 1]]))
    """
    if can_read_values(turn):
        refuse_first_unordered(function, turn, offsets, where)


def refuse_first_unordered(
    function: str, turn: Tensor, offsets: Tensor | None = None, where: Tensor | None = None
) -> None:
    """The same on any device; a GPU waits."""
    if not turn.numel():
        return
    written = turn >= 0 if where is None else where & (turn >= 0)
    position = torch.arange(turn.shape[-1], device=turn.device).expand_as(turn)
    last = torch.where(written, position, -1).cummax(-1).values
    before = torch.nn.functional.pad(last[..., :-1], (1, 0), value=-1)  # the written token before
    follows, before = written & (before >= 0), before.clamp(min=0)
    row = None if offsets is None else row_of_tokens(offsets, len(turn))
    if row is not None:
        follows = follows & (row[before] == row)
    previous = turn.gather(-1, before)
    back = (follows & (turn < previous)).nonzero()
    if not len(back):
        return
    place = tuple(back[0].tolist())
    where_text = f"row {place[0] if row is None else int(row[place])}, token {place[-1]}"
    fact = f"{int(turn[place])} after {int(previous[place])} in {where_text}"
    raise contract_error(function, "turn", _WANTED, fact, _REMEDY)
