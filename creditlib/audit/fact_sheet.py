"""Cheap and certain facts of an estimator: which tensors it reads, what it keeps, its costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from creditlib.audit.case import Case, accepts, case_of, cast, same
from creditlib.audit.chosen_tasks import Chosen, chosen_tasks
from creditlib.audit.costs import costs
from creditlib.audit.credit_quality import credit_on, groups_of
from creditlib.audit.expected_gradient import (
    enumerate_groups,
    tiny_policy,
    tiny_tasks,
    why_not_exact,
)
from creditlib.audit.invariances import INVARIANCES, check
from creditlib.audit.metrics import without_residue
from creditlib.audit.sample import sample
from creditlib.audit.subject import Audited, Estimator, audited
from creditlib.audit.task import Task
from creditlib.audit.tasks import TINY
from creditlib.audit.tensors import token_turn

__all__ = ["answers", "facts", "heard", "one_more_rollout"]

_GROUPS, _SIZE = 6, 5  # of the trajectories that answers are read from
_MOST_TASKS = 2  # that answers are read from
_MUTE = 1e-6  # of the largest group: a smaller gradient is rounding of 0
# Asked first: rewards of turns, revisits and different lengths; then a task without revisits.
_FIRST = ("two_state", "recovery")


def facts(
    estimator: Estimator | Audited,
    tasks: Sequence[Chosen] | None = None,
    groups: int = 200,
    size: int = 8,
    seed: int = 0,
) -> dict[str, Any]:
    """Facts about an estimator that need no training, as values of JSON.

    - level: what one number of the result belongs to, "trajectory", "turn" or "token".
    - kind: "advantage", "returns", "factor" (a weight) or "reward" (a shaper); on: what those two
      are composed with.
    - dtypes: the dtype of the result for rewards in float64, float32 and bfloat16; None: refused.
    - stochastic: it draws random numbers.
    - needs: the tensors that it asks for.
    - heard: for each of them, whether the credit changes when it does.
    - invariances: each of `invariances.INVARIANCES`; None where the question makes no sense.
    - costs: `costs.costs`, rollouts and calls beside the trajectories.
    - dead_groups: the share of sampled groups of `size` without any gradient, by task.
    - one_more_rollout: `one_more_rollout`, on the tiny tasks.
    - checked_on: the tiny tasks whose trajectories answer the first questions. An answer is True
      only if it is so on all of them; a tensor counts as heard if it is on one.

    Where no tiny task has the tensors, the first of `tasks` that has them answers.

    Args:
        estimator: a name, an import path "package.module:function", a function, a
            `functools.partial`, or an `Audited`.
        tasks: where `dead_groups` are counted: names or tasks; None is all of `tasks.TASKS`.
        groups: sampled groups of those tasks.
        size: trajectories in a group.
        seed: of those groups.

    Errors: an unknown task; an estimator that refuses the tensors.

    >>> sheet = facts("grpo", tasks=["recovery"], groups=50)
    >>> sheet["level"], sheet["heard"], sheet["invariances"]["scale_of_rewards"]
    ('trajectory', {'reward': True, 'group': True}, True)
    """
    subject = audited(estimator)
    chosen = [task for task in chosen_tasks(tasks) if not subject.missing(task)]
    return {
        "kind": subject.kind,
        "on": subject.on.name if subject.on is not None else None,
        **answers(subject, chosen),
        "stochastic": subject.stochastic,
        "needs": list(subject.needs),
        "dead_groups": {task.name: _dead(subject, task, groups, size, seed) for task in chosen},
        "one_more_rollout": one_more_rollout(subject),
    }


def answers(estimator: Estimator | Audited, tasks: Sequence[Task] = ()) -> dict[str, Any]:
    """The facts that small calls answer: level, dtypes, heard, invariances, costs, checked_on.

    tasks: the first of them that has the tensors answers where no tiny task has. Without any task,
    level is None and nothing is answered.

    >>> answers("rloo")["checked_on"]
    ['two_state', 'recovery']
    """
    subject = audited(estimator)
    cases = [_case(subject, task) for task in _answering(subject, tasks)]
    needs = {*subject.needs, *(subject.on.needs if subject.on is not None else ())}
    found = [check(case) for case in cases]
    return {
        "level": _level(cases[0]) if cases else None,
        "dtypes": _dtypes(cases[0]) if cases else {},
        "heard": {name: any(heard(case, name) for case in cases) for name in subject.needs},
        "invariances": {name: _all([each[name] for each in found]) for name in INVARIANCES},
        "costs": costs(sorted(needs), cases[0].sample) if cases else {},
        "checked_on": [case.sample.task.name for case in cases],
    }


def _answering(subject: Audited, chosen: Sequence[Task]) -> list[Task]:
    """The tasks whose trajectories answer: tiny ones with all tensors, or the first of `chosen`."""
    names = [*_FIRST, *(name for name in TINY if name not in _FIRST)]
    able = (task for task in tiny_tasks(names) if not subject.missing(task))
    found = [task for task, _ in zip(able, range(_MOST_TASKS), strict=False)]
    return found or [task for task in chosen if not subject.missing(task)][:1]


def _case(subject: Audited, task: Task) -> Case:
    return case_of(subject, sample(task, tiny_policy(task), _GROUPS, _SIZE, seed=0))


def _all(answers: Sequence[bool | None]) -> bool | None:
    """True if so everywhere; None if the question makes sense nowhere."""
    known = [each for each in answers if each is not None]
    return all(known) if known else None


def heard(case: Case, name: str) -> bool:
    """Whether a change of a tensor changes the credit; a refusal counts as heard.

    Numbers get other numbers added, truth values are reversed, ids and counts move to other rows.
    A tensor that the trajectories do not have, such as the credit that a weight is given, is None
    of these and counts as heard.
    """
    if name not in case.batch:
        return True
    x = case.batch[name]
    generator = torch.Generator().manual_seed(2)
    if x.is_floating_point():
        noise = torch.rand(x.shape, dtype=torch.float64, generator=generator).to(x.dtype)
        changes = [x + noise, x * (1 + noise)]
    elif x.dtype == torch.bool:
        changes = [~x, x.roll(1, 0)]
    else:
        changes = [x.roll(1, 0), x.roll(2, 0), torch.where(x > 1, x - 1, x)]
    return any(_differs(case, {name: changed}) for changed in changes)


def _differs(case: Case, changed: Mapping[str, Tensor]) -> bool:
    try:
        return not same(case.credit_of(changed), case.credit)
    except ValueError:
        return True


def _level(case: Case) -> str | None:
    """What one number of the result belongs to."""
    shape = tuple(_result(case, torch.float64).shape)
    turns = tuple(case.sample.state.shape)
    levels = {turns[:1]: "trajectory", turns: "turn", tuple(token_turn(case.sample).shape): "token"}
    return levels.get(shape)


def _dtypes(case: Case) -> dict[str, str | None]:
    """The dtype of the result by that of the numbers given; None where they are refused."""
    return {
        _name(each): _name(_result(case, each).dtype) if accepts(case, each) else None
        for each in (torch.float64, torch.float32, torch.bfloat16)
    }


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _result(case: Case, dtype: torch.dtype) -> Tensor:
    """What the function returns for numbers of a dtype."""
    batch = cast(case.batch, dtype)
    if "credit" in case.subject.needs and case.subject.on is not None:
        batch["credit"] = case.subject.on.result(batch)
    return case.subject.result(batch)


def _dead(subject: Audited, task: Task, groups: int, size: int, seed: int) -> float:
    """The share of sampled groups without any gradient, up to rounding."""
    drawn = groups_of(task, groups, size, seed)
    length = drawn.gradients(without_residue(credit_on(subject, drawn, seed), size))
    norm = length.flatten(1).norm(dim=1)
    return float((norm <= _MUTE * norm.max()).double().mean())


def one_more_rollout(
    estimator: Estimator | Audited, size: int = 2, tasks: Sequence[Chosen] | None = None
) -> list[dict[str, Any]]:
    """The exact signal over noise of groups with one trajectory more, on enumerated tasks.

    With g the gradient of a group of n, SNR(n) = |E g|² / (E|g|² - |E g|²), over all groups with
    their probabilities. A row: task, n, snr_per_trajectory = [SNR(n) / n, SNR(n+1) / (n+1)], and
    gain, the second over the first, minus 1. Above 0, one group of more trajectories is worth more
    than more groups. None where an SNR is undefined: E g = 0, or g is constant.

    Args:
        estimator: a name, an import path "package.module:function", a function, a
            `functools.partial`, or an `Audited`.
        size: n, trajectories in the smaller group.
        tasks: as in `exact`: names of `tasks.TINY`, or small tasks; None is all of `TINY`.

    >>> (row,) = one_more_rollout("rloo", tasks=["recovery"])
    >>> row["n"], row["gain"] > 0
    (2, True)
    """
    subject = audited(estimator)
    left_out = why_not_exact(subject, tasks)
    rows: list[dict[str, Any]] = []
    for task in tiny_tasks(tasks):
        if task.name in left_out:
            continue
        pair = [_snr(subject, n, task) for n in (size, size + 1)]
        first, second = pair
        gain = None if first is None or second is None else second / first - 1
        rows.append({"task": task.name, "n": size, "snr_per_trajectory": pair, "gain": gain})
    return rows


def _snr(subject: Audited, n: int, task: Task) -> float | None:
    """SNR(n) / n over every group of n."""
    groups = enumerate_groups(n, task)
    credit = subject.credit_of(groups.sample, groups.batch)
    chance = groups.probability[::n]
    each = groups.sample.gradients(credit).flatten(1)
    mean = (chance[:, None] * each).sum(0)
    power = float(mean.square().sum())
    noise = float((chance * each.square().sum(1)).sum()) - power
    total = power + noise
    if power <= 1e-20 * total or noise <= 1e-12 * total:
        return None
    return power / noise / n
