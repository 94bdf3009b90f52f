"""A penalty that grows before the length limit."""

from __future__ import annotations

from typing import Annotated, Literal

from creditlib.algebra import wide
from creditlib.vocabulary import ArgumentSpec, Length, ShapedReward
from creditlib.vocabulary.contract import checked

__all__ = ["overlong_penalty"]

Limit = Annotated[float, ArgumentSpec("largest number of tokens", above=0)]
Buffer = Annotated[
    float, ArgumentSpec("tokens before the limit on which the penalty grows", above=0)
]
Penalty = Annotated[float, ArgumentSpec("penalty at the limit", above=0)]
Beyond = Annotated[
    Literal["clip", "grow"],
    ArgumentSpec("past the limit the penalty stays, or it grows on at the same rate"),
]


@checked
def overlong_penalty(
    *,
    length: Length,
    limit: Limit,
    buffer: Buffer,
    penalty: Penalty = 1.0,
    beyond: Beyond = "clip",
) -> ShapedReward:
    """A penalty that grows linearly over the last `buffer` tokens before `limit`; add it to reward.

        result[i] = −penalty · clamp((length[i] − (limit − buffer)) / buffer, 0, 1)

    With beyond="grow" the upper bound 1 is absent. To leave rows out that were cut off, pass
    `valid=~truncated` to the estimator.

    Degenerate cases: the result is 0 up to limit − buffer tokens, and −penalty from `limit` on
    (beyond="grow": at `limit`, and less past it).

    Source: Yu et al. 2025, DAPO, arXiv:2503.14476 (soft overlong punishment).
    Differs from verl: the penalty stops growing at the limit; in its reward manager, and in that of
    Open-AgentRL, it does not (`presets.VERL_OVERLONG`). 200 tokens of a limit of 100 with a buffer
    of 20 get -6 there.

    >>> import torch
    >>> overlong_penalty(length=torch.tensor([50, 90, 200]), limit=100, buffer=20)
    tensor([ 0.0000, -0.5000, -1.0000])
    >>> overlong_penalty(length=torch.tensor([50, 90, 200]), limit=100, buffer=20, beyond="grow")
    tensor([ 0.0000, -0.5000, -6.0000])
    """
    over = (wide(length) - (limit - buffer)) / buffer
    return 0 - penalty * over.clamp(0, 1 if beyond == "clip" else None)
