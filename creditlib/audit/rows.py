"""The rows of a report, one type for each tier. A number that is undefined is None, never 0."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ExactRow", "LearningRow", "PathRow", "QualityRow"]


class ExactRow(NamedTuple):
    """The expected gradient g over all groups of n, against the true gradient t.

    cosine: of g and t; None where g is 0. scale: g·t / t·t. max_error: the largest |g - t|.
    """

    task: str
    n: int
    cosine: float | None
    scale: float
    max_error: float


class QualityRow(NamedTuple):
    """A metric of sampled groups, with its 95 % interval."""

    task: str
    metric: str
    value: float | None
    low: float | None
    high: float | None


class PathRow(NamedTuple):
    """The cosine of the mean gradient with the true one, after updates of its own training."""

    task: str
    update: int
    cosine: float | None


class LearningRow(NamedTuple):
    """The area under the curve of the exact success probability, mean over seeds."""

    task: str
    estimator: str
    area: float
    low: float
    high: float
