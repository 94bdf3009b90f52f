"""The quality of an estimator's credit on sampled groups of the tasks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import torch

from creditlib.audit.chosen_tasks import Chosen, chosen_tasks
from creditlib.audit.intervals import Estimate
from creditlib.audit.metrics import measure
from creditlib.audit.policies import default_policy
from creditlib.audit.rows import QualityRow
from creditlib.audit.sample import Sample, sample
from creditlib.audit.subject import Audited, Estimator, audited
from creditlib.audit.task import Task
from creditlib.audit.tensors import BatchTensors

__all__ = ["credit_on", "groups_of", "quality", "quality_of"]


def quality(
    estimator: Estimator | Audited,
    tasks: Sequence[Chosen] | None = None,
    groups: int = 1000,
    size: int = 8,
    seed: int = 0,
    resamples: int = 1000,
) -> list[QualityRow]:
    """Every metric of `metrics.METRICS` on every task that has the tensors the estimator asks for.

    There is one row for each task and metric, with a 95 % interval. An undefined number is None.

    Args:
        estimator: a name, an import path "package.module:function", a function, a
            `functools.partial`, or an `Audited`.
        tasks: names or tasks; None is all of `tasks.TASKS`. A task that lacks a tensor has no row.
        groups: groups by the policy `policies.default_policy`, the same ones for every estimator.
        size: trajectories in a group.
        seed: of the groups, and of the estimator's own random numbers.
        resamples: of the bootstrap.

    >>> rows = quality("rloo", tasks=["recovery"], groups=50)
    >>> rows[0].task, rows[0].metric, rows[0].low <= rows[0].value <= rows[0].high
    ('recovery', 'usnr', True)
    """
    subject = audited(estimator)
    return [
        QualityRow(task.name, metric, *found)
        for task in chosen_tasks(tasks)
        if not subject.missing(task)
        for metric, found in quality_of(
            subject, groups_of(task, groups, size, seed), seed, resamples
        ).items()
    ]


def quality_of(
    estimator: Estimator | Audited, drawn: Sample, seed: int = 0, resamples: int = 1000
) -> Mapping[str, Estimate]:
    """The metrics of an estimator on groups at hand, by name; see `metrics.measure`.

    drawn: groups that one policy wrote. What depends on the groups alone, such as the tensors and
    the oracle's numbers, is kept for the next estimator. seed: of the estimator's own luck.

    >>> from creditlib.audit.tasks import recovery
    >>> drawn = groups_of(recovery(), groups=50)
    >>> quality_of("oracle", drawn)["usnr_over_oracle"].value
    1.0
    """
    return measure(drawn, credit_on(estimator, drawn, seed), resamples)


def credit_on(estimator: Estimator | Audited, drawn: Sample, seed: int = 0) -> torch.Tensor:
    """The credit of the turns of groups at hand, float64[batch turn]; 0 after the end.

    seed: of the estimator's own luck, where it has a parameter `generator`.

    >>> from creditlib.audit.tasks import recovery
    >>> credit_on("rloo", groups_of(recovery(), groups=2)).shape
    torch.Size([16, 4])
    """
    generator = torch.Generator().manual_seed(seed)
    return audited(estimator).credit_of(drawn, _tensors(drawn), generator)


def groups_of(task: Task, groups: int = 1000, size: int = 8, seed: int = 0) -> Sample:
    """Groups of a task by the policy `policies.default_policy`, kept for the next estimator.

    Tasks with equal arrays, names and derived tensors share their groups. groups, size, seed: as
    in `sample`.

    >>> from creditlib.audit.tasks import recovery
    >>> groups_of(recovery(), groups=2) is groups_of(recovery(), groups=2)
    True
    """
    return _kept(_Key(task), groups, size, seed)


class _Key:
    """A task, equal to another one of the same name, arrays and way to derive tensors."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._key = (task.name, task.digest, task.turn_names, *_way(task.derive))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _way(derive: Callable[..., object] | None) -> tuple[object, ...]:
    """What makes two `derive` equal: the function, and what a `partial` of it was given."""
    if isinstance(derive, functools.partial):
        return (derive.func, derive.args, tuple(sorted(derive.keywords.items())))
    return (derive,)


@functools.lru_cache(maxsize=16)
def _kept(key: _Key, groups: int, size: int, seed: int) -> Sample:
    return sample(key.task, default_policy(key.task), groups, size, seed)


@functools.lru_cache(maxsize=16)
def _tensors(drawn: Sample) -> BatchTensors:
    return BatchTensors(drawn)
