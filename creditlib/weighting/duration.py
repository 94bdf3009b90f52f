"""Weights against the over-representation of fast actions."""

from __future__ import annotations

from typing import Annotated, Literal

from creditlib.algebra import conserved, valid_turns, wide
from creditlib.ops.fused import fused_loop
from creditlib.vocabulary import (
    ArgumentSpec,
    Backend,
    Cap,
    Duration,
    Factor,
    Group,
    TurnCount,
    Valid,
)
from creditlib.vocabulary.contract import checked, contract_error

__all__ = ["duration_weight"]

MeanOver = Annotated[
    Literal["batch", "group"],
    ArgumentSpec("the turns whose weights have mean 1: those of the batch, or those of the group"),
]


@checked
def duration_weight(
    *,
    duration: Duration,
    turn_count: TurnCount,
    valid: Valid | None = None,
    group: Group | None = None,
    over: MeanOver = "batch",
    cap: Cap | None = None,
    backend: Backend = "auto",
) -> Factor:
    """The duration of a turn in units of the mean, so that slow turns count more.

        w[i,k] = d[i,k] / mean(d);  d = duration, or min(duration, cap · mean(duration))

    The mean is taken over the turns that exist, of the batch or of the group (over="group"); the
    weights have mean 1 there. Multiply credit by it last, after any whitening, as
    `creditlib.rows.whiten_then_weight` does: a mean that whitening subtracts afterwards would not
    be weighted, and would bias the gradient.

    It is right for workers pinned to prompts that start a new rollout as soon as one ends: samples
    then arrive in proportion to policy / duration (exact in the limit, bias O(1/batch)). With a
    scheduler that aborts unfinished work it is nearly right if workers synchronize often;
    `completion_weight` uses its counts instead. Do not use it with workers that finish all they
    start, or with a fixed number of rollouts per prompt: nothing is over-represented there, and the
    weights bias the gradient.

    Degenerate cases: equal durations give exactly 1; all zero durations give 1; turns past
    `turn_count` and excluded rows get 0.

    Source: Yang, He-Yueya and Liang 2025, arXiv:2509.01684 (duration-aware gradient, rescaled by
    the batch mean). The authors state neither a cap nor the turns that the mean is taken over.

    >>> import torch
    >>> seconds = torch.tensor([[2.0], [10.0], [1.0], [7.0]])
    >>> duration_weight(duration=seconds, turn_count=torch.ones(4, dtype=torch.int64)).flatten()
    tensor([0.4000, 2.0000, 0.2000, 1.4000])
    """
    if over == "group" and group is None:
        raise contract_error("duration_weight", "group", "given with over='group'", "None")
    keys = (group,) if over == "group" and group is not None else ()
    loop = fused_loop("conserved_turns", backend, duration)
    if loop is not None:
        return loop(duration, turn_count, valid, *(keys or (None,)), cap)
    where = valid_turns(turn_count, duration.shape[1], valid)
    return conserved(wide(duration), *keys, where=where, cap=cap, backend=backend)
