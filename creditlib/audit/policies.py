"""The policies at which credit is judged."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from creditlib.audit.task import Task
from creditlib.audit.tasks import TASKS, TINY
from creditlib.audit.tasks.two_state import LOGITS
from creditlib.vocabulary.messages import contract_error, did_you_mean

__all__ = ["AUDIT_SEED", "default_policy", "perturbed"]

# The seed of the policies at which the tasks are audited, one generator for each task.
AUDIT_SEED = 123


def perturbed(task: Task, seed: int | np.random.Generator = AUDIT_SEED) -> Tensor:
    """Logits 0.5 N(0, 1), float64[observation action].

    The numbers are drawn observation by observation, in the order in which breadth-first search
    meets them.

    Args:
        task: the task whose observations get logits.
        seed: of numpy's `default_rng`, or a generator that goes on.

    >>> from creditlib.audit.tasks import recovery
    >>> perturbed(recovery())[0].softmax(0)
    tensor([0.4230, 0.5770], dtype=torch.float64)
    """
    shape = (len(task.observations), task.actions)
    return torch.from_numpy(0.5 * np.random.default_rng(seed).standard_normal(shape))


def default_policy(task: Task | str) -> Tensor:
    """The policy at which a task is audited, float64[observation action].

    The policy is `perturbed(task)`, so
    `numpy.random.default_rng(123)`, a new generator for each task. two_state has its own `LOGITS`.

    Args:
        task: a task, or a name of `tasks.TASKS` or `tasks.TINY`.

    Errors: a name that is not known.

    >>> bool((default_policy("recovery") == perturbed(TASKS["recovery"]())).all())
    True
    """
    if isinstance(task, str):
        made = TASKS.get(task) or TINY.get(task)
        if made is None:
            known = {**TASKS, **TINY}
            fact = f"{task!r}{did_you_mean(task, known)}"
            raise contract_error("default_policy", "task", "a task, or the name of one", fact)
        task = made()
    return LOGITS.clone() if task.name == "two_state" else perturbed(task)
