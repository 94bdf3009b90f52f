"""What a claim found, and the seeds that it is run on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from creditlib.audit.learning_curves import RATES, interval, tuned
from creditlib.audit.subject import Audited
from creditlib.audit.training import Training, train

__all__ = ["ClaimResult", "Limit", "Runs", "final_success", "judged"]


class ClaimResult(NamedTuple):
    """One claim, or one control of it, measured.

    claim: the letter. control: whether it is a control. statement: in one sentence. effect, low,
    high: what was measured, with its 95 % interval over seeds; low and high are None where there
    is none. measure: what the effect is. criterion: in words, fixed before the runs. passed:
    whether it is met. details: further numbers by name.
    """

    claim: str
    control: bool
    statement: str
    measure: str
    effect: float
    low: float | None
    high: float | None
    criterion: str
    passed: bool
    details: dict[str, float]


class Limit(NamedTuple):
    """A claim of the literature that does not reproduce here.

    statement: the claim. found: what happened. reason: why, as far as it is known. attempted:
    False for what is out of reach of finite tasks. results: what was measured in this run, with
    the criterion that a reproduction would meet; none of them is expected to pass.
    """

    statement: str
    found: str
    reason: str
    attempted: bool
    results: tuple[ClaimResult, ...] = ()


class Runs(NamedTuple):
    """The seeds of one run of the claims.

    Those of base b are b·10000, b·10000 + 1, …. seeds: how many, for a claim that asks for no
    other number. Learning rates are chosen on seeds that nothing else uses.
    """

    seeds: int = 20
    base: int = 0

    def numbers(self, times: float = 1.0) -> list[int]:
        """The seeds, `times` as many as usual, at least 2."""
        return [self.base * 10_000 + i for i in range(max(2, round(times * self.seeds)))]

    def others(self, count: int = 6) -> list[int]:
        """Seeds for the choice of learning rates."""
        return [self.base * 10_000 + 5_000 + i for i in range(count)]


def final_success(
    training: Training, subjects: Sequence[Audited], runs: Runs, times: float = 1.0
) -> tuple[Tensor, list[float]]:
    """The exact success at the end, float64[estimator seed], and the learning rates chosen.

    The rate of each estimator is the one of `RATES` with the largest mean area on other seeds.
    """
    rates = tuned(training, subjects, RATES, runs.others())
    curves = train(training, subjects, [[rate] for rate in rates], runs.numbers(times))
    return curves[:, 0, :, -1], rates


def judged(values: Tensor, runs: Runs) -> tuple[float, float, float]:
    """The mean over seeds with its 95 % interval, by a bootstrap that the base seeds."""
    return interval(values, runs.base)
