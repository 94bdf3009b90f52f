"""Undo the over-representation of fast actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from creditlib.contract import checked, refuse
from creditlib.ops import groups
from creditlib.ops.dispatch import pick
from creditlib.ops.masks import real_turns
from creditlib.ops.precision import narrow, wide
from creditlib.vocabulary import Backend, Duration, Factor, Group, Positive, TurnCount, Valid

__all__ = ["duration_weight", "mean_one"]


@checked
def duration_weight(
    *,
    duration: Duration,
    turn_count: TurnCount,
    valid: Valid | None = None,
    group: Group | None = None,
    over: Literal["batch", "group"] = "batch",
    cap: Positive | None = None,
    backend: Backend = "auto",
) -> Factor:
    """How long a turn took, in units of the mean: slow turns, seen too rarely, count more.

        w[i,k] = d[i,k] / mean(d);  d = duration, or min(duration, cap · mean(duration))

    The mean runs over the real turns of the batch, or of the group (over="group"): the weights
    average to 1 there. Multiply credit by it last; whitening afterwards would undo it.

    Which scheduler it is right for: workers pinned to prompts that start a new rollout as soon as
    one ends, so that samples arrive in proportion to policy / duration (exact in the limit, bias
    O(1/batch)). With a scheduler that aborts unfinished work it is nearly right if synchronised
    often; `completion_weight` uses its counts instead. With free-running workers that finish what
    they start, or with a fixed number of rollouts per prompt, nothing is over-represented and
    these weights bias the gradient: do not use them.

    Degenerate cases: equal durations give exactly 1; all zero durations give 1; turns past
    `turn_count` and excluded rows get 0.

    Source: Yang, He-Yueya and Liang 2025, arXiv:2509.01684 (duration-aware gradient, rescaled by
    the batch mean). The authors state neither a cap nor what the mean runs over.

    >>> import torch
    >>> seconds = torch.tensor([[2.0], [10.0], [1.0], [7.0]])
    >>> duration_weight(duration=seconds, turn_count=torch.ones(4, dtype=torch.int64)).flatten()
    tensor([0.4000, 2.0000, 0.2000, 1.4000])
    """
    if over == "group" and group is None:
        raise refuse("duration_weight", "group", "given with over='group'", "None")
    real = real_turns(turn_count, duration.shape[1], valid)
    keys = (group[:, None],) if over == "group" and group is not None else ()
    standing = pick("duration_weight", backend, groups.standing, duration)
    return narrow(mean_one(wide(duration), keys, real, cap, standing), duration)


def mean_one(
    x: Tensor,
    keys: tuple[Tensor, ...],
    take: Tensor,
    cap: float | None = None,
    standing: Callable[..., Tensor] = groups.standing,
) -> Tensor:
    """X, at most `cap` means, over its group's mean; 1 where that is 0, and 0 for rows not taken.

    >>> x, both = torch.tensor([1.0, 3.0], dtype=torch.float64), torch.tensor([True, True])
    >>> mean_one(x, (), both)
    tensor([0.5000, 1.5000], dtype=torch.float64)
    >>> mean_one(x, (), both, cap=0.5)
    tensor([1., 1.], dtype=torch.float64)
    """
    if cap is not None:
        x = torch.minimum(x, cap * (x - standing(x, keys, take)))
    mean = x - standing(x, keys, take)  # exactly x where all are equal
    ratio = torch.where(mean > 0, x / mean, torch.ones_like(x))
    return torch.where(take, ratio, torch.zeros_like(x))
