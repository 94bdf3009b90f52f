"""The reward a turn earns by making the gold answer more probable."""

from __future__ import annotations

from typing import Annotated, Literal

import torch

from creditlib.algebra import next_turn, valid_turns, wide
from creditlib.vocabulary import ArgumentSpec, GoldLogProb, TurnCount, TurnRewards, Valid
from creditlib.vocabulary.contract import checked

__all__ = ["information_gain"]

Difference = Annotated[
    Literal["prob", "log_prob"],
    ArgumentSpec("the subtracted values: probabilities of the gold answer, or log-probabilities"),
]


@checked
def information_gain(
    *,
    gold_log_prob: GoldLogProb,
    turn_count: TurnCount,
    valid: Valid | None = None,
    difference: Difference = "prob",
) -> TurnRewards:
    """How much a turn raised the policy's probability of the gold answer.

        IG[i,k] = b[i,k+1] − b[i,k]   for k = 0 … turn_count[i] − 2;   0 at the last turn
        b[i,k]  = exp(gold_log_prob[i,k])  (difference="log_prob": gold_log_prob itself)

    gold_log_prob[i,k] is measured right before turn k: before turn 0 there is only the prompt. The
    last turn is the answer and earns the outcome instead. The sum over turns is the last b minus
    the first.

    Degenerate cases: a trajectory of one turn or none gains 0; turns past `turn_count` get 0.

    Source: Wang et al. 2025, arXiv:2510.14967 (information-gain reward).
    Differs from the authors' code: a gain of exactly 0 is a gain as any other, not a missing
    turn boundary.

    >>> import torch
    >>> belief = torch.tensor([[0.25, 0.5, 1.0]]).log()
    >>> information_gain(gold_log_prob=belief, turn_count=torch.tensor([3]))
    tensor([[0.2500, 0.5000, 0.0000]])
    """
    belief = wide(gold_log_prob)
    if difference == "prob":
        belief = belief.exp()
    gains = valid_turns(turn_count - 1, gold_log_prob.shape[1], valid)
    rise = next_turn(belief) - belief
    return torch.where(gains, rise, torch.zeros_like(rise))
