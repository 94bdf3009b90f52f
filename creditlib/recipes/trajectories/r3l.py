"""R3L: lean on successes, and train only where the retry went another way."""

from __future__ import annotations

from typing import Annotated

import torch

from creditlib.algebra import group_count, group_max, relative, valid_rows, wide
from creditlib.vocabulary import (
    ArgumentSpec,
    Credit,
    Group,
    Lone,
    NonNegative,
    Positive,
    Reward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["r3l"]

Full = Annotated[float, ArgumentSpec("reward from which on credit is exactly 1; None for none")]


@checked
@breaks(
    "no_credit_lies_beyond_the_spread",
    "credit_sums_to_zero",
    "the_expected_gradient_is_the_true_one",
    because="credit above 0 is multiplied by amplify.",
)
def r3l(
    *,
    reward: Reward,
    group: Group,
    valid: Valid | None = None,
    amplify: NonNegative = 3.0,
    full: Full | None = None,
    soft: Positive | None = None,
    lone: Lone = "zero",
) -> Credit:
    """Centred rewards, with those above the center multiplied.

        A[i] = 1 if reward[i] >= full;  amplify · s[i] if s[i] >= 0;  s[i] otherwise
        s[i] = reward[i] − mean of group(i), or reward[i] − soft · log mean exp(reward / soft)

    Retries share a prefix with the failed attempt. Train the turns from the pivot on:
    `to_tokens(credit, turn, weight=(turn >= pivot[:, None]).float())`, and the same mask in the
    loss.

    Options:
        amplify: factor on a centered reward of at least 0.
        soft: temperature of the center, a log-mean-exp: large is the mean of the group, near 0 its
            largest reward; None is the mean.

    Special cases: amplify=1 is `grpo` with scale=None. full=1.0 is the authors' rule.

    Degenerate cases: a group of one gets 0, also where it reaches `full` (lone="raw": s is its
    reward). A constant group gives exactly 0 unless it reaches `full`.

    Source: R3L 2026; the authors' code was run.
    Differs from it: `full` is None (`presets.R3L_OFFICIAL` sets 1.0). With 1.0 more is paid less:
    of the rewards 1, 0, 0.9, 0 the 0.9 gets 1.275 and the 1 gets 1, a group that is all solved gets
    1 each, and a group of one with 0.7 gets 2.1.

    >>> import torch
    >>> r3l(reward=torch.tensor([1.0, 0.0, 0.5, 0.5]), group=torch.tensor([0, 0, 0, 0]))
    tensor([ 1.5000, -0.5000,  0.0000,  0.0000])
    """
    where, value = valid_rows(valid, reward), wide(reward)
    gap = relative(value, group, where=where, lone=lone)
    alone = group_count(group, where=where) == 1
    if soft is not None:
        above = value - group_max(value, group, where=where)
        power = torch.exp(torch.where(where, above, 0.0) / soft)
        mean = power - relative(power, group, where=where)
        gap = torch.where(alone, gap, above - soft * torch.log(mean))
    credit = torch.where(gap >= 0, amplify * gap, gap)
    if full is not None:
        reached = (value >= full) if lone == "raw" else (value >= full) & ~alone
        credit = torch.where(reached, 1.0, credit)
    return torch.where(where, credit, 0.0)
