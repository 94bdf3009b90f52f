"""How fast a policy learns from an estimator: exactly evaluated curves on equal luck."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from creditlib.audit.chosen_tasks import chosen_tasks
from creditlib.audit.intervals import resample_counts
from creditlib.audit.rows import LearningRow
from creditlib.audit.subject import Audited, Estimator, audited
from creditlib.audit.task import Task
from creditlib.audit.training import Training, train
from creditlib.vocabulary.messages import contract_error

__all__ = ["RATES", "Curve", "DifferenceRow", "Learning", "interval", "learn", "seed_list", "tuned"]

LEARNING_TASKS = ("recovery", "rooms", "wings", "search")
RATES = (0.05, 0.1, 0.2, 0.4, 0.8)


class DifferenceRow(NamedTuple):
    """The area of an estimator minus that of the first one, mean over seeds, on equal luck."""

    task: str
    estimator: str
    difference: float
    low: float
    high: float


class Curve(NamedTuple):
    """Quartiles over seeds of the exact success probability, before and after every update.

    rate: the learning rate that was chosen. low, middle, high: float of each update, the first
    before any.
    """

    task: str
    estimator: str
    rate: float
    low: list[float]
    middle: list[float]
    high: list[float]


@dataclass(frozen=True)
class Learning:
    """The result of `learn`.

    rows: area under each curve. differences: to the first estimator of the task, on equal luck.
    curves: for pictures. left_out: (task, estimator, the tensors that the task lacks).
    """

    rows: list[LearningRow] = field(default_factory=list)
    differences: list[DifferenceRow] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    left_out: list[tuple[str, str, list[str]]] = field(default_factory=list)


def learn(
    estimators: Sequence[Estimator | Audited],
    tasks: Iterable[str | Task] | None = None,
    seeds: int | Sequence[int] = 16,
    updates: int = 60,
    groups_per_update: int = 2,
    size: int = 8,
    *,
    rates: Sequence[float] = RATES,
    tuning_seeds: int = 6,
    seed: int = 0,
    resamples: int = 2000,
) -> Learning:
    """The success probability of a policy after each update, for each estimator on each task.

    A table of logits, zeros at first, climbs along the estimator's gradient by Adam. Nothing is
    sampled to evaluate it: the success probability is exact. The area is its mean over the updates.

        area = 1/updates Σ_{u=1..updates} success(logits after update u)

    Args:
        estimators: what `audited` takes; the first is the one that the others are compared with.
        tasks: names or tasks; None is `LEARNING_TASKS`. An estimator is left out of a task that
            lacks its tensors.
        seeds: a number n, for the seeds seed, …, seed + n - 1, or the seeds themselves. One seed
            gives all estimators the same luck.
        updates: updates of a run, at least 1.
        groups_per_update: groups of `size` trajectories that make one update.
        size: trajectories in a group.
        rates: the learning rates; each estimator gets the one with the largest mean area over
            `tuning_seeds` other seeds.
        tuning_seeds: the number of seeds that choose the learning rate.
        seed: the first seed, where `seeds` is a number.
        resamples: of the bootstrap over seeds, for 95 % intervals.

    Errors: duplicate seeds; an estimator whose credit is not finite.

    >>> found = learn(["reinforce", "oracle"], ["recovery"], seeds=2, updates=5, rates=[0.4])
    >>> [row.estimator for row in found.rows], len(found.curves[0].middle)
    (['reinforce', 'oracle'], 6)
    """
    numbers = seed_list("learn", seeds, seed)
    others = [max(numbers) + 1 + i for i in range(tuning_seeds)]
    subjects = [audited(each) for each in estimators]
    found = Learning()
    for task in chosen_tasks(LEARNING_TASKS if tasks is None else list(tasks)):
        lacking = {each: each.missing(task) for each in subjects}
        found.left_out.extend(
            (task.name, each.name, missing) for each, missing in lacking.items() if missing
        )
        fit = [each for each in subjects if not lacking[each]]
        if not fit:
            continue
        training = Training(task, updates, groups_per_update, size)
        chosen = tuned(training, fit, rates, others)
        success = train(training, fit, [[rate] for rate in chosen], numbers)[:, 0]
        _report(found, task.name, fit, chosen, success, seed, resamples)
    return found


def tuned(
    training: Training,
    subjects: Sequence[Audited],
    rates: Sequence[float],
    seeds: Sequence[int],
) -> list[float]:
    """For each estimator, the learning rate with the largest mean area; the first of equal ones."""
    if len(rates) == 1:
        return [rates[0]] * len(subjects)
    success = train(training, subjects, [list(rates)] * len(subjects), seeds)
    areas = success[..., 1:].mean((2, 3))
    return [rates[int(best)] for best in areas.argmax(1)]


def seed_list(function: str, seeds: int | Sequence[int], first: int) -> list[int]:
    """The seeds themselves. Errors: none, or duplicates, which would count one run twice."""
    numbers = [first + i for i in range(seeds)] if isinstance(seeds, int) else list(seeds)
    if not numbers:
        raise contract_error(function, "seeds", "at least one seed", "none")
    twice = sorted({each for each in numbers if numbers.count(each) > 1})
    if twice:
        fact = f"{twice[0]} more than once"
        raise contract_error(function, "seeds", "different seeds", fact, "leave one of them out")
    return numbers


def interval(values: Tensor, seed: int = 0, resamples: int = 2000) -> tuple[float, float, float]:
    """The mean over seeds with its 95 % interval, by a percentile bootstrap over the seeds.

    values: float[seed]. Equal values have an interval of length 0.

    >>> interval(torch.tensor([1.0, 1.0]))
    (1.0, 1.0, 1.0)
    """
    counts = resample_counts(len(values), resamples, seed)
    means = counts @ values.double() / len(values)
    tails = torch.tensor([0.025, 0.975], dtype=torch.float64)
    low, high = means.quantile(tails).tolist()
    return float(values.double().mean()), low, high


def _report(
    found: Learning,
    task: str,
    subjects: Sequence[Audited],
    rates: Sequence[float],
    success: Tensor,
    seed: int,
    resamples: int,
) -> None:
    """The rows of one task; success: float[estimator seed update]."""
    areas = success[..., 1:].mean(-1)
    for subject, rate, curve, area in zip(subjects, rates, success, areas, strict=True):
        found.rows.append(LearningRow(task, subject.name, *interval(area, seed, resamples)))
        apart = interval(area - areas[0], seed, resamples)
        found.differences.append(DifferenceRow(task, subject.name, *apart))
        at = torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
        low, middle, high = curve.quantile(at, dim=0).tolist()
        found.curves.append(Curve(task, subject.name, rate, low, middle, high))
