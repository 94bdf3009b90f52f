"""Where an estimator stands: its mean uSNR over tasks, relative to the oracle's.

uSNR is the signal-to-noise ratio of the gradient times the squared cosine of its mean with the true
one. Of the metrics of a policy it goes best with the speed of learning, so it ranks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from creditlib.audit.result import Tiers

__all__ = ["BIASED", "USNR", "Mean", "below", "mean_usnr"]

USNR = "usnr_over_oracle"
BIASED = 0.9  # a cosine of the mean below it is called biased


class Mean(NamedTuple):
    """A mean over tasks with its 95 % interval, and the tasks that it is over."""

    value: float
    low: float
    high: float
    tasks: tuple[str, ...]


def mean_usnr(tiers: Tiers, tasks: Iterable[str]) -> Mean | None:
    """The mean over tasks of the uSNR relative to the oracle's; None where no task has one.

        value = Σ_t x_t / T                half = √(Σ_t h_t²) / T          low, high = value ∓ half

    x_t is the relative uSNR on task t and h_t half of the width of its interval. Tasks on which it
    is undefined are left out; `tasks` of the result says which ones remain.

    >>> from creditlib.audit.rows import QualityRow
    >>> rows = (QualityRow("a", USNR, 0.2, 0.1, 0.3), QualityRow("b", USNR, 0.4, 0.4, 0.4))
    >>> [round(x, 9) for x in mean_usnr(Tiers(quality=rows), ["a", "b"])[:3]]
    [0.3, 0.25, 0.35]
    """
    found = [(task, tiers.quality_of(task, USNR)) for task in tasks]
    kept = [(task, row, row.value) for task, row in found if row is not None]
    known = [(task, row, value) for task, row, value in kept if value is not None]
    if not known:
        return None
    value = sum(each for _, _, each in known) / len(known)
    bounds = [(row.low, row.high) for _, row, _ in known]
    halves = [(high - low) / 2 for low, high in bounds if low is not None and high is not None]
    half = math.sqrt(sum(each**2 for each in halves)) / len(known)
    return Mean(value, value - half, value + half, tuple(task for task, _, _ in known))


def below(own: Mean, other: Mean) -> bool:
    """Whether a mean is below another one beyond the intervals.

    The 95 % interval of the difference own - other lies below 0:

        own.value - other.value + √(half_own² + half_other²) < 0

    The two are taken as independent. They share their groups, so the true interval is narrower, and
    the answer True is safe.

    >>> below(Mean(0.2, 0.1, 0.3, ()), Mean(0.4, 0.3, 0.5, ()))
    True
    >>> below(Mean(0.3, 0.2, 0.4, ()), Mean(0.4, 0.3, 0.5, ()))
    False
    """
    halves = [(each.high - each.low) / 2 for each in (own, other)]
    return own.value - other.value + math.hypot(*halves) < 0
