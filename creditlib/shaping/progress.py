"""Rewards for new progress, not for repeated progress."""

from __future__ import annotations

from typing import Annotated

import torch

from creditlib.algebra import valid_turns, wide
from creditlib.vocabulary import ArgumentSpec, Progress, TurnCount, TurnRewards, Valid
from creditlib.vocabulary.contract import checked

__all__ = ["record_progress"]

Start = Annotated[float, ArgumentSpec("progress before the first turn")]
PerUnit = Annotated[float, ArgumentSpec("reward of one unit of progress")]


@checked
def record_progress(
    *,
    progress: Progress,
    turn_count: TurnCount,
    valid: Valid | None = None,
    start: Start = 0.0,
    per_unit: PerUnit = 1.0,
) -> TurnRewards:
    """What a turn adds to the best progress so far: no progress is rewarded twice.

        reward[i,k] = per_unit · (m[i,k] − m[i,k−1]);  m[i,k] = max(start, progress[i, 0..k])

    A stage that is undone and done again earns nothing the second time. The sum of the rewards is
    per_unit · (best progress − start).

    Degenerate cases: progress below `start` earns 0, never a negative reward. Turns past
    `turn_count` get 0.

    Source: the form of partial credit that rewards a record only. A reward for each occurrence lets
    a policy repeat one stage.

    >>> import torch
    >>> done = torch.tensor([[1.0, 0.0, 1.0, 3.0]])
    >>> record_progress(progress=done, turn_count=torch.tensor([4]))
    tensor([[1., 0., 0., 2.]])
    """
    where = valid_turns(turn_count, progress.shape[1], valid)
    x = torch.where(where, wide(progress), -torch.inf).clamp(min=start)
    first = x.new_full((x.shape[0], 1), start)
    record = torch.cummax(torch.cat([first, x], 1), 1).values
    rise = per_unit * (record[:, 1:] - record[:, :-1])
    return torch.where(where, rise, torch.zeros_like(rise))
