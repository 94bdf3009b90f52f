"""The reward a turn earns by making the gold answer more probable."""

from __future__ import annotations

from typing import Literal

import torch

from creditlib.contract import checked
from creditlib.ops.masks import real_turns
from creditlib.ops.precision import narrow, wide
from creditlib.ops.scan import shift_left
from creditlib.vocabulary import GoldLogProb, TurnCount, TurnCredit, Valid

__all__ = ["information_gain"]


@checked
def information_gain(
    *,
    gold_log_prob: GoldLogProb,
    turn_count: TurnCount,
    valid: Valid | None = None,
    difference: Literal["prob", "log_prob"] = "prob",
) -> TurnCredit:
    """How much a turn raised the policy's probability of the gold answer.

        IG[i,k] = b[i,k+1] − b[i,k]   for k = 0 … turn_count[i] − 2;   0 at the last turn
        b[i,k]  = exp(gold_log_prob[i,k])  (difference="log_prob": gold_log_prob itself)

    gold_log_prob[i,k] is the belief right before turn k: turn 0 sees the prompt alone, the last
    turn is the answer and earns the outcome instead. The sum over turns telescopes to the last
    belief minus the first.

    Degenerate cases: a trajectory of one turn or none gains 0; turns past `turn_count` get 0.

    Source: Wang et al. 2025, arXiv:2510.14967 (information-gain reward).
    Differs from the authors' code: a gain of exactly 0 is a gain like any other, not a missing
    turn boundary.

    >>> import torch
    >>> belief = torch.tensor([[0.25, 0.5, 1.0]]).log()
    >>> information_gain(gold_log_prob=belief, turn_count=torch.tensor([3]))
    tensor([[0.2500, 0.5000, 0.0000]])
    """
    belief = wide(gold_log_prob)
    if difference == "prob":
        belief = belief.exp()
    gains = real_turns(turn_count - 1, gold_log_prob.shape[1], valid)
    rise = shift_left(belief, 1, 0) - belief
    return narrow(torch.where(gains, rise, torch.zeros_like(rise)), gold_log_prob)
