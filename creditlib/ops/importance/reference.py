"""The ratio of the probabilities of what was written, under two policies."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.precision import narrow, wide
from creditlib.ops.tokens.reference import refuse_turns, sum_turns

__all__ = ["LARGEST_LOG", "bounded", "log_ratio_sums", "token_ratios"]

LARGEST_LOG = 20.0


def bounded(x: Tensor, low: float, high: float, *, zero: bool) -> Tensor:
    """exp(x) within [low, high], of x within ±20; `zero`: what lies outside is 0.

    >>> bounded(torch.tensor([0.0, 1.0]), 0.5, 2.0, zero=False)
    tensor([1., 2.])
    >>> bounded(torch.tensor([0.0, 1.0]), 0.5, 2.0, zero=True)
    tensor([1., 0.])
    """
    ratio = x.clamp(-LARGEST_LOG, LARGEST_LOG).exp()
    if zero:
        return torch.where((ratio >= low) & (ratio <= high), ratio, torch.zeros_like(ratio))
    return ratio.clamp(low, high)


def token_ratios(
    log_prob: Tensor,
    old_log_prob: Tensor,
    turn: Tensor,
    low: float,
    high: float,
    zero: bool,
    offsets: Tensor | None = None,
) -> Tensor:
    """The bounded ratio of each token, in float64 and then rounded; exactly 0 where turn < 0.

    >>> new, old = torch.tensor([[-1.0, -1.0]]), torch.tensor([[-1.0, -3.0]])
    >>> token_ratios(new, old, torch.tensor([[0, 0]]), 0.0, 2.0, False)
    tensor([[1., 2.]])
    """
    refuse_unordered_turns("importance_weight", turn, offsets)
    ratio = bounded(wide(log_prob) - wide(old_log_prob), low, high, zero=zero)
    kept = torch.where(turn >= 0, ratio, torch.zeros_like(ratio))
    return narrow(kept, log_prob, old_log_prob)


def log_ratio_sums(
    log_prob: Tensor,
    old_log_prob: Tensor,
    turn: Tensor,
    turns: int,
    whole: bool,
    offsets: Tensor | None = None,
) -> Tensor:
    """float64[2, batch, turn]: the sum of the logarithms of each turn, and how many there are.

    `whole`: all that the policy wrote in a row is its turn 0.

    >>> new, old = torch.tensor([[-1.0, -1.0]]), torch.tensor([[-1.0, -3.0]])
    >>> log_ratio_sums(new, old, torch.tensor([[0, 1]]), 1, True).flatten().tolist()
    [2.0, 2.0]
    """
    if whole:
        refuse_unordered_turns("importance_weight", turn, offsets)
        turn = turn.clamp(max=0)
    else:
        refuse_turns("importance_weight", turn, turns, offsets)
    x = wide(log_prob) - wide(old_log_prob)
    each = (sum_turns(value, turn, turns, offsets=offsets) for value in (x, torch.ones_like(x)))
    return torch.stack(list(each))
