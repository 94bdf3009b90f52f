"""The parts of a summary of credit: an estimator, two estimators, a group, a range of outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["EstimatorFacts", "GroupFacts", "OutcomeShare", "Pair"]


@dataclass(frozen=True)
class OutcomeShare:
    """The trajectories with an outcome from `low` to `high`, and their mean |credit| per turn.

    `low` equals `high` where the outcome is one number. A range does not hold `low` itself, but for
    the first one.
    """

    low: float
    high: float
    trajectories: int
    mean_abs: float | None

    @property
    def label(self) -> str:
        """The range in words.

        >>> OutcomeShare(0.0, 0.0, 3, None).label, OutcomeShare(0.25, 0.5, 3, None).label
        ('0', '0.25 to 0.5')
        """
        if self.low == self.high:
            return f"{self.low:.4g}"
        return f"{self.low:.4g} to {self.high:.4g}"


@dataclass(frozen=True)
class EstimatorFacts:
    """Where the credit of one estimator goes; None where there is no turn.

    mean_abs: mean |credit| over turns. by_turn: the same at each turn number, from 0.
    by_outcome: the same by the outcome of the trajectory.
    not_finite: turns whose credit is not finite. metrics: the result of `diagnose`.
    """

    name: str
    mean_abs: float | None
    by_turn: tuple[float | None, ...]
    by_outcome: tuple[OutcomeShare, ...]
    not_finite: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Pair:
    """Where two estimators disagree; None where the number is undefined.

    opposite: share of turns with opposite signs. rank_correlation: Spearman's, over turns.
    """

    first: str
    second: str
    turns: int
    opposite: float | None
    rank_correlation: float | None


@dataclass(frozen=True)
class GroupFacts:
    """One group.

    rows: its trajectories. members: those that take part; `lone` is one of them, `constant` several
        with one outcome. informative: whether some finite credit is not 0.
    spread: standard deviation of the credit of its turns, for each estimator.
    disagreement: the largest share of turns with opposite signs over all pairs of estimators.
    """

    name: str | int
    rows: tuple[int, ...]
    members: int
    lone: bool
    constant: bool
    informative: bool
    spread: tuple[float | None, ...]
    disagreement: float | None
