"""Weights against the selection that a scheduler makes when it aborts work."""

from __future__ import annotations

import torch

from creditlib.algebra import conserved, valid_turns, wide
from creditlib.vocabulary import Backend, Cap, Factor, Finished, Started, TurnCount, Valid
from creditlib.vocabulary.contract import checked

__all__ = ["completion_weight"]


@checked
def completion_weight(
    *,
    started: Started,
    finished: Finished,
    turn_count: TurnCount,
    valid: Valid | None = None,
    cap: Cap | None = None,
    backend: Backend = "auto",
) -> Factor:
    """The inverse of the rate at which work like this turn's is finished.

        q[i,k] = started[i,k] / finished[i,k];  w[i,k] = q[i,k] / mean(q) over the turns that exist

    `started` and `finished` are the scheduler's own counts of jobs of the same kind (the same
    action, tool or prompt) as the turn's. With `cap`, q is at most cap · mean(q).

    It is right for a scheduler that aborts unfinished work when it synchronizes, whatever its
    period. Workers that finish all they start have rate 1 and weights of exactly 1. It needs
    counts; without counts and with workers pinned to prompts, `duration_weight` estimates the same
    from durations.

    Degenerate cases: a turn of a kind that never finished (it cannot be in the batch) gets 0;
    turns past `turn_count` and excluded rows get 0.

    Source: inverse-probability weights of Horvitz and Thompson 1952, applied to completion.

    >>> import torch
    >>> started, finished = torch.tensor([[9.0], [9.0]]), torch.tensor([[9.0], [3.0]])
    >>> completion_weight(started=started, finished=finished, turn_count=torch.tensor([1, 1]))
    tensor([[0.5000],
            [1.5000]])
    """
    begun, done = wide(started), wide(finished)
    x = torch.where(done > 0, begun / torch.where(done > 0, done, torch.ones_like(done)), 0)
    where = valid_turns(turn_count, started.shape[1], valid)
    return conserved(x, where=where, cap=cap, backend=backend)
