"""The direction of an estimator's gradient along its own training.

A policy that is trained on a credit visits the states to which the credit leads. A credit that
points the right way at the first policy may point elsewhere later, and only this tier shows it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from creditlib.audit.chosen_tasks import Chosen, chosen_tasks
from creditlib.audit.intervals import Estimate
from creditlib.audit.metrics import cosine_of_mean
from creditlib.audit.rows import PathRow
from creditlib.audit.sample import sample
from creditlib.audit.subject import Audited, Estimator, audited
from creditlib.audit.task import Task
from creditlib.audit.tasks import TASKS, reasoning
from creditlib.audit.training import Training, trained
from creditlib.vocabulary.messages import contract_error

__all__ = ["PATH_TASKS", "cosine_at", "path"]

# Tasks that a policy begins to solve within tens of updates from the uniform policy.
PATH_TASKS: Mapping[str, Callable[[], Task]] = {
    "reasoning": lambda: reasoning(4, 12, flaw=0.5),
    "search": TASKS["search"],
    "pipeline": TASKS["pipeline"],
    "rooms": TASKS["rooms"],
}
WIDEST = 0.25  # half of the interval of a cosine that is told


def path(
    estimator: Estimator | Audited,
    tasks: Sequence[Chosen] | None = None,
    updates: Sequence[int] = (0, 10, 20, 40, 60),
    groups: int = 400,
    seed: int = 0,
    learning_rate: float = 0.05,
    groups_per_update: int = 4,
    size: int = 8,
) -> list[PathRow]:
    """The cosine of the mean gradient with the exact one, after updates by the estimator itself.

    The policy is a softmax of logits, uniform at first; an update is a step of Adam along the mean
    of Σ_i Σ_k c[i,k] ∇ log π / size. At the given updates the cosine is that of `metrics.measure`,
    debiased, over `groups` groups of the policy at hand. It is None where it is undefined, or where
    the groups leave it uncertain by more than ±0.25.

    Args:
        estimator: a name, an import path "package.module:function", a function, a
            `functools.partial`, or an `Audited`.
        tasks: names or tasks; None is all of `PATH_TASKS`. A task that lacks a tensor that the
            estimator asks for has no row.
        updates: the updates after which the cosine is measured, rising numbers; 0 is before
            training.
        groups: groups that measure one cosine.
        seed: of all that is drawn.
        learning_rate: step size of Adam.
        groups_per_update: groups of `size` trajectories that make one update.
        size: trajectories in a group.

    >>> [(row.update, round(row.cosine, 2)) for row in path("oracle", ["recovery"], updates=(0, 3))]
    [(0, 1.0), (3, 1.0)]
    """
    wanted = list(updates)
    if not wanted or wanted[0] < 0 or any(a >= b for a, b in itertools.pairwise(wanted)):
        raise contract_error("path", "updates", "rising numbers from 0", str(wanted))
    subject = audited(estimator)
    known = {**TASKS, **PATH_TASKS}
    rows: list[PathRow] = []
    for task in chosen_tasks(list(PATH_TASKS) if tasks is None else tasks, known):
        if subject.missing(task):
            continue
        plan = Training(task, wanted[-1], groups_per_update, size)
        for update, logits in enumerate(trained(plan, [subject], [[learning_rate]], [seed])):
            if update in wanted:
                found = cosine_at(subject, task, logits[0], groups, size, seed + update, cut=False)
                rows.append(PathRow(task.name, update, _certain(found)))
    return rows


def cosine_at(
    subject: Audited,
    task: Task,
    logits: Tensor,
    groups: int,
    size: int,
    seed: int,
    cut: bool = True,
) -> Estimate:
    """The cosine of the mean gradient with the exact one at a policy, with its 95 % interval.

    logits: float[observation action]. groups, size, seed: of the groups that are sampled. cut: as
    in `metrics.cosine_of_mean`.

    >>> from creditlib.audit.tasks import recovery
    >>> task = recovery()
    >>> round(cosine_at(audited("oracle"), task, task.uniform(), 50, 8, seed=0).value, 2)
    1.0
    """
    drawn = sample(task, logits, groups, size, seed)
    generator = torch.Generator().manual_seed(seed)
    return cosine_of_mean(drawn, subject.credit(drawn, generator), cut)


def _certain(found: Estimate) -> float | None:
    """The value, cut off at ±1, where its interval before the cut is narrow enough."""
    if found.value is None or found.low is None or found.high is None:
        return None
    narrow = found.high - found.low <= 2 * WIDEST
    return min(1.0, max(-1.0, found.value)) if narrow else None
