"""Pay for records, not for repetition."""

from __future__ import annotations

import torch

from creditlib.contract import checked
from creditlib.ops.masks import real_turns
from creditlib.ops.precision import narrow, wide
from creditlib.vocabulary import Progress, TurnCount, TurnReward, Valid

__all__ = ["record_progress"]


@checked
def record_progress(
    *,
    progress: Progress,
    turn_count: TurnCount,
    valid: Valid | None = None,
    start: float = 0.0,
    per_unit: float = 1.0,
) -> TurnReward:
    """What a turn adds to the best progress so far: nothing is paid twice.

        reward[i,k] = per_unit · (m[i,k] − m[i,k−1]);  m[i,k] = max(start, progress[i, 0..k])

    Undoing and redoing a stage earns nothing the second time, so it cannot be farmed; the sum is
    per_unit · (best progress − start).

    Degenerate cases: progress below `start` pays 0, never a negative reward. Turns past
    `turn_count` get 0.

    Source: the pay-on-record form of partial credit; paying for each occurrence lets a policy
    loop over one stage.

    >>> import torch
    >>> done = torch.tensor([[1.0, 0.0, 1.0, 3.0]])
    >>> record_progress(progress=done, turn_count=torch.tensor([4]))
    tensor([[1., 0., 0., 2.]])
    """
    real = real_turns(turn_count, progress.shape[1], valid)
    x = torch.where(real, wide(progress), -torch.inf).clamp(min=start)
    first = x.new_full((x.shape[0], 1), start)
    record = torch.cummax(torch.cat([first, x], 1), 1).values
    rise = per_unit * (record[:, 1:] - record[:, :-1])
    return narrow(torch.where(real, rise, torch.zeros_like(rise)), progress)
