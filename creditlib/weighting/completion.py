"""Undo the selection a scheduler makes by aborting work."""

from __future__ import annotations

import torch

from creditlib.contract import checked
from creditlib.ops import groups
from creditlib.ops.dispatch import pick
from creditlib.ops.masks import real_turns
from creditlib.ops.precision import narrow, wide
from creditlib.vocabulary import Backend, Factor, Finished, Positive, Started, TurnCount, Valid
from creditlib.weighting.duration import mean_one

__all__ = ["completion_weight"]


@checked
def completion_weight(
    *,
    started: Started,
    finished: Finished,
    turn_count: TurnCount,
    valid: Valid | None = None,
    cap: Positive | None = None,
    backend: Backend = "auto",
) -> Factor:
    """How rarely work like this turn's gets finished: the inverse of its completion rate.

        q[i,k] = started[i,k] / finished[i,k];  w[i,k] = q[i,k] / mean(q) over real turns

    `started` and `finished` are the scheduler's own counts of jobs of the same kind (the same
    action, tool or prompt) as the turn's. `cap` bounds q at cap · mean(q) first.

    Which scheduler it is right for: one that aborts what is unfinished when it synchronises,
    whatever its period. Workers that finish all they start have rate 1 and weights of exactly 1,
    so it does no harm there. It needs counts; where there are none and workers are pinned to
    prompts, `duration_weight` estimates the same from durations.

    Degenerate cases: a turn of a kind that never finished (it cannot be in the batch) weighs 0;
    turns past `turn_count` and excluded rows get 0.

    Source: inverse-probability weights of Horvitz and Thompson 1952, applied to completion.

    >>> import torch
    >>> started, finished = torch.tensor([[9.0], [9.0]]), torch.tensor([[9.0], [3.0]])
    >>> completion_weight(started=started, finished=finished, turn_count=torch.tensor([1, 1]))
    tensor([[0.5000],
            [1.5000]])
    """
    real = real_turns(turn_count, started.shape[1], valid)
    begun, done = wide(started), wide(finished)
    x = torch.where(done > 0, begun / torch.where(done > 0, done, torch.ones_like(done)), 0)
    standing = pick("completion_weight", backend, groups.standing, x)
    return narrow(mean_one(x, (), real, cap, standing), started, finished)
