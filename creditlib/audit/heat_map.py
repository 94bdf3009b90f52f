"""The numbers of a heat map: the credit of one group beside the exact one, and means of all."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from creditlib.audit.cell_bias import cell_sums
from creditlib.audit.credit_quality import credit_on, groups_of
from creditlib.audit.sample import Sample
from creditlib.audit.subject import Audited, Estimator
from creditlib.audit.task import Task
from creditlib.vocabulary.messages import contract_error

__all__ = ["HeatMap", "heat_map_of", "mixed_group"]


class HeatMap(NamedTuple):
    """Credit as numbers to draw; NaN where there is no turn.

    turns: a name for each turn. reward: Σ of the rewards of each trajectory of the group, the
    highest first, float64[row]. credit, advantage: of the turns of these trajectories, and the
    exact A, float64[row turn]. mean_credit, mean_advantage: E[c | action, turn] over all groups and
    that of A, float64[action turn].
    """

    turns: tuple[str, ...]
    reward: Tensor
    credit: Tensor
    advantage: Tensor
    mean_credit: Tensor
    mean_advantage: Tensor


def heat_map_of(
    estimator: Estimator | Audited,
    task: Task,
    groups: int = 1000,
    size: int = 8,
    seed: int = 0,
    group: int | None = None,
) -> HeatMap:
    """The heat map of an estimator on a task, from the groups that `quality` judges it by.

    group: the number of the group shown; None takes `mixed_group`. groups, size, seed: as in
    `quality`. Errors: a tensor that the task lacks; a group that does not exist.

    >>> from creditlib.audit.tasks import recovery
    >>> shown = heat_map_of("rloo", recovery(), groups=20, size=4)
    >>> shown.credit.shape, shown.mean_credit.shape, shown.turns[0]
    (torch.Size([4, 4]), torch.Size([2, 4]), 'start')
    """
    drawn = groups_of(task, groups, size, seed)
    credit = credit_on(estimator, drawn, seed)
    chosen = mixed_group(drawn) if group is None else group
    if not 0 <= chosen < groups:
        raise contract_error("heat_map_of", "group", f"from 0 to {groups - 1}", str(chosen))
    reward = drawn.at_outcome(task.reward).sum(1)
    rows = torch.arange(chosen * size, (chosen + 1) * size)
    rows = rows[reward[rows].argsort(descending=True, stable=True)]
    gone = ~drawn.real[rows]
    names = task.turn_names if len(task.turn_names) == task.turns else ()
    return HeatMap(
        turns=names or tuple(f"turn {i + 1}" for i in range(task.turns)),
        reward=reward[rows],
        credit=credit[rows].masked_fill(gone, torch.nan),
        advantage=drawn.advantage[rows].masked_fill(gone, torch.nan),
        mean_credit=_mean_by_action(drawn, credit),
        mean_advantage=_mean_by_action(drawn, drawn.advantage),
    )


def mixed_group(drawn: Sample) -> int:
    """The first of the groups whose share of solved trajectories is nearest to a half.

    >>> from creditlib.audit import perturbed, sample
    >>> from creditlib.audit.tasks import recovery
    >>> mixed_group(sample(task := recovery(), perturbed(task), groups=1))
    0
    """
    solved = (drawn.at_outcome(drawn.task.success) > 0).any(1)
    share = solved.view(-1, drawn.size).sum(1) / drawn.size
    return int((share - 0.5).abs().argmin())


def _mean_by_action(drawn: Sample, values: Tensor) -> Tensor:
    """The mean of each action at each turn, float64[action turn]; NaN where it was never taken."""
    one_block = torch.zeros(len(drawn.state) // drawn.size, dtype=torch.int64)
    parts = [cell_sums(drawn, each, one_block)[0] for each in (values, torch.ones_like(values))]
    total, count = (
        torch.stack([part[level].sum(0) for level in drawn.task.levels], dim=1) for part in parts
    )
    return total / count
