"""Training of tabular policies on the credit of estimators, many runs at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from creditlib.audit.oracle import success
from creditlib.audit.sample import Sample, first_states, walk
from creditlib.audit.subject import Audited
from creditlib.audit.task import Task
from creditlib.audit.tensors import BatchTensors
from creditlib.vocabulary.messages import contract_error

__all__ = ["Adam", "Training", "runs_are_apart", "train", "trained"]

_MOST_NUMBERS = 4_000_000  # of the policies and states that one exact evaluation takes


@dataclass(frozen=True)
class Training:
    """What all runs share: the task, the updates, and the groups of trajectories of an update."""

    task: Task
    updates: int
    groups: int
    size: int


class Adam:
    """Adam ascent on a batch of logits, with a learning rate for each.

        m ← β1 m + (1 - β1) g        v ← β2 v + (1 - β2) g²
        logits ← logits + rate · (m / (1 - β1^t)) / (√(v / (1 - β2^t)) + eps)

    logits: float64[run observation action]. rate: float64[run]. β1 = .9, β2 = .999, eps = 1e-8.
    """

    def __init__(self, logits: Tensor, rate: Tensor) -> None:
        self.logits = logits.clone()
        self._rate = rate[:, None, None]
        self._mean = torch.zeros_like(logits)
        self._square = torch.zeros_like(logits)
        self._step = 0

    def ascend(self, gradient: Tensor) -> None:
        """One update; gradient: float64[run observation action]."""
        self._step += 1
        self._mean.lerp_(gradient, 0.1)
        self._square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        size = (self._square / (1 - 0.999**self._step)).sqrt_().add_(1e-8)
        self.logits = self.logits + self._rate * (self._mean / (1 - 0.9**self._step)) / size


def train(
    training: Training,
    subjects: Sequence[Audited],
    rates: Sequence[Sequence[float]],
    seeds: Sequence[int],
    until: float | None = None,
) -> Tensor:
    """The exact success probability before and after each update.

    rates: for each estimator, its learning rates, the same number for all. seeds: of the luck; all
    estimators and all rates meet the luck of a seed. until: stop once every run has reached this
    success; the curves are then shorter. Result: float64[estimator rate seed update], updates + 1
    of them at most.
    """
    shape = (len(subjects), len(rates[0]), len(seeds))
    kept: list[Tensor] = []
    curve: list[Tensor] = []
    numbers = training.task.next.numel() * shape[0] * shape[1] * shape[2]
    every = max(1, _MOST_NUMBERS // numbers)
    for logits in trained(training, subjects, rates, seeds):
        kept.append(logits)
        if len(kept) == every:
            curve.append(success(training.task, torch.stack(kept)))
            kept.clear()
            if until is not None and bool((torch.cat(curve).amax(0) >= until).all()):
                break
    if kept:
        curve.append(success(training.task, torch.stack(kept)))
    return torch.cat(curve).T.reshape(*shape, -1)


def trained(
    training: Training,
    subjects: Sequence[Audited],
    rates: Sequence[Sequence[float]],
    seeds: Sequence[int],
) -> Iterator[Tensor]:
    """The logits before and after each update, float64[run observation action].

    The runs are ordered by estimator, then rate, then seed. They start at the uniform policy.
    """
    task, width = training.task, len(rates[0]) * len(seeds)
    rate = torch.tensor(rates, dtype=torch.float64).repeat_interleave(len(seeds))
    start = task.uniform().expand(len(rate), -1, -1)
    adam = Adam(start, rate)
    luck = _Luck(training, seeds)
    judges = [_Judge(each, len(rates[0]), seeds) for each in subjects]
    yield adam.logits
    for _ in range(training.updates):
        written = walk(task, adam.logits, *luck.draw(len(rate) // len(seeds)))
        credit = [
            judge.credit(written.of_runs(i * width, (i + 1) * width))
            for i, judge in enumerate(judges)
        ]
        each = written.gradients(torch.cat(credit))
        adam.ascend(each.unflatten(0, (len(rate), training.groups)).mean(1))
        yield adam.logits


class _Luck:
    """The luck of each seed, which depends on no other seed and on no policy."""

    def __init__(self, training: Training, seeds: Sequence[int]) -> None:
        self._training = training
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def draw(self, times: int) -> tuple[Tensor, int, Tensor | None]:
        """The luck of one update, the size of a group, and the first states.

        float64[2 turn batch], the rows of the first seed first, and all of it `times` times.
        """
        task, size = self._training.task, self._training.size
        rows = self._training.groups * size
        drawn = torch.cat([self._one(2, task.turns, rows, at=each) for each in self._generators], 2)
        luck = drawn.repeat(1, 1, times)
        if task.levels[0].stop == 1:
            return luck, size, None
        first = torch.cat([self._one(rows, at=each) for each in self._generators])
        return luck, size, first_states(task, first.repeat(times))

    def _one(self, *shape: int, at: torch.Generator) -> Tensor:
        return torch.rand(shape, dtype=torch.float64, generator=at)


class _Judge:
    """The credit of one estimator for many runs: one call for all where runs do not mix.

    Whether they mix is found out on the first sample. Runs that mix are called one by one, and so
    is an estimator that draws random numbers, with a generator for each run.
    """

    def __init__(self, subject: Audited, rates: int, seeds: Sequence[int]) -> None:
        self._subject = subject
        self._apart: bool | None = False if subject.stochastic else None
        self._generators = [
            torch.Generator().manual_seed(seed) for _ in range(rates) for seed in seeds
        ]

    def credit(self, written: Sample) -> Tensor:
        """float64[batch turn]."""
        if self._apart is None:
            self._apart = runs_are_apart(self._subject, written)
        if self._apart:
            credit = self._subject.credit(written)
        else:
            parts = [written.of_runs(i, i + 1) for i in range(len(written.logits))]
            pairs = zip(parts, self._generators, strict=True)
            credit = torch.cat([self._subject.credit(*pair) for pair in pairs])
        if not bool(credit.isfinite().all()):
            fact = f"a value that is not, from {self._subject.name} on {written.task.name}"
            raise contract_error("learn", "estimators", "estimators of finite credit", fact)
        return credit


_REWARDS = ("reward", "turn_reward", "token_reward")


def runs_are_apart(subject: Audited, written: Sample, checked: int = 3) -> bool:
    """Whether a run gets the same credit alone and together with others, up to rounding.

    Noise is added to the rewards, so that no two runs are equal, and none is without a reward.
    checked: how many runs are given alone.
    """
    runs = len(written.logits)
    if runs == 1:
        return True
    asked = {*subject.needs, "reward", "turn_reward", "turn_count"}
    asked |= set(subject.on.needs) if subject.on is not None else set()
    given = BatchTensors(written)
    noise = torch.Generator().manual_seed(0)
    batch: dict[str, Tensor] = {}
    for name in sorted(asked & set(given)):
        added = torch.rand(given[name].shape, dtype=torch.float64, generator=noise)
        batch[name] = given[name] + added if name in _REWARDS else given[name]
    together = subject.credit_of(written, batch).unflatten(0, (runs, -1))
    scale = max(float(together.abs().max()), 1e-300)
    for i in range(min(checked, runs)):
        own = {name: x.unflatten(0, (runs, -1))[i] for name, x in batch.items()}
        alone = subject.credit_of(written.of_runs(i, i + 1), own)
        if not float((alone - together[i]).abs().max()) <= 1e-9 * scale:
            return False
    return True
