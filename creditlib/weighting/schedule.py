"""Numbers that change while training goes on."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from creditlib.vocabulary import ArgumentSpec, Elapsed, Positive
from creditlib.vocabulary.contract import checked

__all__ = ["anneal"]

Start = Annotated[float, ArgumentSpec("the number at the beginning", low=0)]
Curve = Annotated[
    Literal["linear", "sigmoid", "power"], ArgumentSpec("the curve from the start down to 0")
]


@checked
def anneal(
    elapsed: Elapsed,
    *,
    start: Start = 0.99,
    shape: Curve = "linear",
    steepness: Positive = 8.0,
    power: Positive = 2.0,
) -> float:
    """A number that falls from `start` to 0 while the share of training that is done grows to 1.

        linear   start · (1 − e);  power  (start · (1 − e))^power
        sigmoid  start · (s(e) − s(1)) / (s(0) − s(1));  s(e) = 1 / (1 + exp(steepness · (e − ½)))

    e is `elapsed`, at most 1: `step / steps` reaches 0 with the last step, and `step / steps / 0.8`
    at 80 % of training.

    Options:
        steepness: slope of the sigmoid in the middle of training; only "sigmoid" reads it.
        power: exponent of "power", which alone reads it.

    Degenerate cases: elapsed=0 gives `start` (power: start^power); 1 and more give exactly 0.

    Source: Temporal RLVR, arXiv:2605.25381; the authors' code was read.

    >>> anneal(0.25, start=0.8)
    0.6000000000000001
    >>> [round(anneal(share, shape="sigmoid", start=1.0), 4) for share in (0, 0.5, 1)]
    [1.0, 0.5, 0.0]
    """
    elapsed = min(elapsed, 1.0)
    left = start * (1.0 - elapsed)
    if shape == "linear":
        return left
    if shape == "power":
        return left**power
    first, now, last = (1.0 / (1.0 + math.exp(steepness * (e - 0.5))) for e in (0, elapsed, 1))
    return start * (now - last) / (first - last)
