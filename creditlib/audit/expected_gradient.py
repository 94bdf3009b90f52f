"""The expected gradient of an estimator, over every group of a tiny task: no sampling error."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from creditlib.audit.chosen_tasks import Chosen, chosen_tasks
from creditlib.audit.policies import perturbed
from creditlib.audit.rows import ExactRow
from creditlib.audit.sample import Sample, every_group
from creditlib.audit.subject import Audited, Estimator, audited, by_turn
from creditlib.audit.task import Task
from creditlib.audit.tasks import TASKS, TINY
from creditlib.audit.tasks.two_state import LOGITS
from creditlib.audit.tensors import BatchTensors

__all__ = [
    "EnumeratedGroups",
    "enumerate_groups",
    "exact",
    "tiny_policy",
    "tiny_tasks",
    "why_not_exact",
]

# An expected gradient below this share of the mean |credit| is 0, and rounding is what is left.
_ROUNDING = 1e-12
# Tensors that are drawn for each trajectory: means of simulated rollouts.
_DRAWN = "simulated_value"
# These tiny tasks take their policies from one stream, one after the other.
_ONE_STREAM = ("recovery", "rooms")


@dataclass(frozen=True, eq=False)
class EnumeratedGroups:
    """Every group of `size` trajectories of a task under one policy, in one batch.

    batch: the tensors by name. probability: float64[batch], that of the row's group. true_gradient:
    of the expected reward, float64[observation action].
    """

    sample: Sample
    batch: Mapping[str, Tensor]

    @property
    def size(self) -> int:
        """The trajectories of a group."""
        return self.sample.size

    @property
    def probability(self) -> Tensor:
        """The probability of the row's group, float64[batch]."""
        assert self.sample.weight is not None
        return self.sample.weight

    @property
    def true_gradient(self) -> Tensor:
        """The gradient of the expected reward, float64[observation action]."""
        return self.sample.oracle.gradient[0]

    def gradient(self, credit: Tensor) -> Tensor:
        """The expected gradient of a credit, float64[observation action].

            g = Σ_b probability[b] / size · Σ_k credit[b,k] ∇ log π(action[b,k])

        credit: of trajectories, turns or tokens.
        """
        weighted = self._weighted(credit).flatten()[:, None]
        g = weighted.new_zeros(self.true_gradient.shape)
        return g.index_add_(
            0, self.sample.observation.clamp(min=0).flatten(), weighted * self.score
        )

    @functools.cached_property
    def score(self) -> Tensor:
        """∇ log π of each action taken, float64[batch * turn action]; 0 at forced turns."""
        taken = self.sample.action.clamp(min=0)
        chosen = torch.nn.functional.one_hot(taken, self.sample.task.actions)
        return (chosen - self.sample.policy).flatten(0, 1)

    def row(self, credit: Tensor) -> ExactRow:
        """The expected gradient g of a credit against the true gradient t."""
        g, t = self.gradient(credit), self.true_gradient
        along, power = (g * t).sum(), t.square().sum()
        zero = float(g.abs().max()) <= _ROUNDING * float(self._weighted(credit).abs().sum())
        cosine = None if zero else float(along / (g.norm() * power.sqrt()))
        return ExactRow(
            self.sample.task.name,
            self.size,
            cosine,
            float(along / power),
            float((g - t).abs().max()),
        )

    def _weighted(self, credit: Tensor) -> Tensor:
        """The credit of turns, times what the row counts, float64[batch turn]."""
        of = self.sample
        turns = torch.where(of.real, by_turn(credit.detach().double(), of), 0)
        return turns * (self.probability / of.size)[:, None]


def enumerate_groups(size: int, task: str | Task = "two_state") -> EnumeratedGroups:
    """Every group of `size` trajectories of a tiny task, at its policy, with its tensors.

    The policy is `tiny_policy(task)`. The groups are kept, so that the next estimator costs one
    call and one sum.

    Args:
        size: trajectories in a group, at least 1.
        task: a name of `tasks.TINY`, or a task.

    Errors: a task with too many groups to enumerate.

    >>> groups = enumerate_groups(2)
    >>> credit = groups.batch["reward"]  # without a baseline: unbiased
    >>> bool((groups.gradient(credit) - groups.true_gradient).abs().max() < 1e-12)
    True
    """
    return _enumerated(task if isinstance(task, Task) else _tiny(task), size)


@functools.lru_cache(maxsize=32)
def _enumerated(task: Task, size: int) -> EnumeratedGroups:
    groups = every_group(task, tiny_policy(task), size)
    return EnumeratedGroups(groups, BatchTensors(groups))


@functools.cache
def _tiny(name: str) -> Task:
    """A task of TINY, made once."""
    (task,) = chosen_tasks([name], TINY)
    return task


def tiny_policy(task: Task) -> Tensor:
    """The logits at which a tiny task is enumerated, float64[observation action].

    recovery and rooms of `TINY`: 0.5 N(0, 1) from one `numpy.random.default_rng(0)`, drawn for
    recovery first. two_state: its own `LOGITS`. Every other task: `perturbed(task, 0)`.

    >>> tiny_policy(TINY["two_state"]()).shape
    torch.Size([2, 2])
    """
    return _kept_policies().get((task.name, task.digest), perturbed(task, 0))


@functools.cache
def _kept_policies() -> dict[tuple[str, str], Tensor]:
    """The policies that are not `perturbed(task, 0)`, by name and digest of the task."""
    stream = np.random.default_rng(0)
    tasks = [_tiny(name) for name in _ONE_STREAM]
    kept = {(task.name, task.digest): perturbed(task, stream) for task in tasks}
    two_state = _tiny("two_state")
    return {**kept, (two_state.name, two_state.digest): LOGITS}


def exact(
    estimator: Estimator | Audited,
    sizes: Sequence[int] = (2, 3),
    tasks: Sequence[Chosen] | None = None,
) -> list[ExactRow]:
    """The expected gradient of an estimator against the true one, without sampling error.

    Every possible group of n trajectories is in one batch, and counts by its probability. With g
    the expected gradient and t the true one, a row has

        cosine = g·t / |g||t|        scale = g·t / t·t        max_error = max |g - t|

    The cosine is None where g is 0. A function that compares rows of different groups sees all
    groups at once, each equally often. A task is left out where the estimator lacks a tensor, and
    every task where it draws random numbers, or a tensor of it is drawn; `why_not_exact` says so.

    Args:
        estimator: a name, an import path "package.module:function", a function, a
            `functools.partial`, or an `Audited`.
        sizes: trajectories in a group, one number for each row of a task.
        tasks: names of `tasks.TINY`, or small tasks; None is all of `TINY`.

    Errors: an unknown task; one with too many groups to enumerate.

    >>> for row in exact("grpo", sizes=[2], tasks=["recovery"]):
    ...     print(row.n, round(row.cosine, 4), round(row.scale, 4))
    2 1.0 0.7071
    """
    subject = audited(estimator)
    chosen = tiny_tasks(tasks)
    left_out = _left_out(subject, chosen)
    rows: list[ExactRow] = []
    for task in chosen:
        for n in sizes if task.name not in left_out else ():
            groups = enumerate_groups(n, task)
            rows.append(groups.row(subject.credit_of(groups.sample, groups.batch)))
    return rows


def why_not_exact(
    estimator: Estimator | Audited, tasks: Sequence[Chosen] | None = None
) -> dict[str, str]:
    """Why `exact` leaves tasks out: a sentence by task, nothing for the others.

    Args:
        estimator: a name, an import path "package.module:function", a function, a
            `functools.partial`, or an `Audited`.
        tasks: as in `exact`: names of `tasks.TINY`, or small tasks; None is all of `TINY`.

    >>> why_not_exact("igpo", tasks=["recovery"])
    {'recovery': 'recovery has no `information_gain`.'}
    """
    return _left_out(audited(estimator), tiny_tasks(tasks))


def _left_out(subject: Audited, tasks: Sequence[Task]) -> dict[str, str]:
    """The tasks without a row, and why."""
    if subject.stochastic or (subject.on is not None and subject.on.stochastic):
        reason = f"{subject.name} draws random numbers, so its expectation is not enumerated."
        return {task.name: reason for task in tasks}
    needs = {*subject.needs, *(subject.on.needs if subject.on is not None else ())}
    drawn = sorted(name for name in needs if name.startswith(_DRAWN))
    if drawn:
        reason = f"`{drawn[0]}` is drawn at random, so its expectation is not enumerated."
        return {task.name: reason for task in tasks}
    found: dict[str, str] = {}
    for task in tasks:
        missing = subject.missing(task)
        if missing:
            found[task.name] = f"{task.name} has no {', '.join(f'`{name}`' for name in missing)}."
    return found


def tiny_tasks(tasks: Sequence[Chosen] | None = None) -> list[Task]:
    """The tiny tasks by name, each made once, so that its groups are kept; tasks as they are.

    >>> tiny_tasks(["rooms"])[0] is tiny_tasks(["rooms"])[0]
    True
    """
    asked = [
        _tiny(each) if isinstance(each, str) and each in TINY else each
        for each in (TINY if tasks is None else tasks)
    ]
    return chosen_tasks(asked, TASKS)
