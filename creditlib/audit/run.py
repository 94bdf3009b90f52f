"""All tiers of the audit of one estimator, beside those that it is compared with."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy
import torch

from creditlib.audit.chosen_tasks import Chosen, chosen_tasks
from creditlib.audit.credit_quality import quality
from creditlib.audit.expected_gradient import exact
from creditlib.audit.fact_sheet import facts
from creditlib.audit.heat_map import HeatMap, heat_map_of
from creditlib.audit.learning_curves import Learning, learn
from creditlib.audit.result import Audit, Tiers
from creditlib.audit.rows import ExactRow, PathRow
from creditlib.audit.sample import every_group, sample
from creditlib.audit.sizes import Size, sizes_of
from creditlib.audit.subject import Audited, Estimator, audited
from creditlib.audit.task import Task
from creditlib.audit.tasks import TASKS, TINY
from creditlib.audit.training_path import PATH_TASKS, path
from creditlib.version import __version__
from creditlib.vocabulary.messages import ContractError, contract_error, error_line

__all__ = ["AGAINST", "audit", "versions"]

AGAINST = ("rloo", "grpo", "gigpo")


# The share of the time that each tier takes, for the progress.
_SHARES = {"facts": 0.02, "exact": 0.08, "quality": 0.3, "path": 0.2, "learning": 0.4}
MOST_ROWS = 50_000  # of enumerated groups of a task of the user

Progress = Callable[[str, float], None]


def audit(
    estimator: Estimator | Audited,
    *,
    against: Iterable[Estimator | Audited] = AGAINST,
    on: Estimator | Audited = "grpo",
    also: Iterable[str] = (),
    options: Mapping[str, Any] | None = None,
    tasks: Sequence[Chosen] | None = None,
    groups: int | None = None,
    size: int = 8,
    seeds: int | None = None,
    updates: int | None = None,
    seed: int = 0,
    quick: bool = False,
    progress: Progress | None = None,
) -> Audit:
    """The credit of an estimator against exact truth, and that of others beside it.

    An estimator is audited on the tasks that have its tensors; `not_audited` of the result names
    the others. The same seed gives the same rows, bit for bit; only `seconds` differs.

    Args:
        estimator: a name, an import path "package.module:function", a function, a
            `functools.partial`, or an `Audited`. It gets the tensors that its parameters without
            default name, and `also` those optional ones.
        against: what it is compared with, on the same tasks; one of the same name and options is
            left out.
        on: the estimator whose credit a weight multiplies, or whose reward a shaper changes.
        also: optional tensors that the estimator gets too.
        options: options of the estimator, by name.
        tasks: names of `tasks.TASKS`, import paths, `Task`s, or functions that return one; None is
            all of `TASKS`.
        groups: sampled groups on each task; None is 1000, or 200 if quick.
        size: trajectories in a group, at least 2.
        seeds: paired runs of learning; None is 16, or 4 if quick.
        updates: updates of learning, where a path ends too; None is 60, or 30 if quick.
        seed: of all that is drawn.
        quick: fewer groups, updates, seeds and tasks.
        progress: is called with the name of the tier and the share of the work that is done, from 0
            to 1.

    Errors: an estimator that no task has the tensors for; an unknown task; a size below 2, or no
    groups or seeds.

    >>> small = {"groups": 20, "seeds": 1, "updates": 2, "quick": True}
    >>> found = audit("rloo", against=["grpo"], tasks=["recovery"], **small)
    >>> found.estimator, list(found.against), round(found.own.exact[0].scale, 9)
    ('rloo', ['grpo'], 1.0)
    """
    start = time.perf_counter()
    scale = sizes_of(quick, groups, seeds, updates, size)
    chosen = chosen_tasks(scale.tasks if tasks is None else tasks)
    own, others = _subjects(estimator, against, on, also, options or {})
    usable = _usable(own, chosen)
    _try_once(own, usable, size)
    run = _Run(scale, size, seed, usable, tasks is None)
    watch = _Watch(progress, 1 + len(others))
    rows = {each.name: run.tiers(each, chosen, watch) for each in (own, *others)}
    watch("learning")
    learned = run.learning([own, *others])
    heat_task, heat_maps = run.heat_maps([own, *others])
    watch.end()
    return Audit(
        estimator=own.name,
        own=rows.pop(own.name),
        against=rows,
        learning=tuple(learned.rows),
        differences=tuple(learned.differences),
        tasks={task.name: _facts_of(task) for task in run.usable},
        settings=run.settings(quick, own),
        options=own.options,
        versions=versions(),
        seconds=time.perf_counter() - start,
        curves=tuple(learned.curves),
        heat_task=heat_task,
        heat_maps=heat_maps,
    )


def _subjects(
    estimator: Estimator | Audited,
    against: Iterable[Estimator | Audited],
    on: Estimator | Audited,
    also: Iterable[str],
    options: Mapping[str, Any],
) -> tuple[Audited, list[Audited]]:
    """The estimator and the others, each with a name of its own."""
    own = audited(estimator, on=on, also=also, **options)
    others: dict[str, Audited] = {}
    for each in against:
        other = audited(each, on=on)
        same = other.function is own.function and dict(other.options) == dict(own.options)
        if not same:
            others.setdefault(other.name, other)
    if own.name in others:
        label = estimator if isinstance(estimator, str) and ":" in estimator else ""
        own = replace(own, name=label or _with_options(own))
    return own, list(others.values())


def _with_options(own: Audited) -> str:
    """The name of an estimator whose name another one has."""
    options = ", ".join(f"{name}={value}" for name, value in own.options.items())
    return f"{own.name}({options or 'audited'})"


def _usable(own: Audited, chosen: Sequence[Task]) -> list[Task]:
    """The tasks that have the tensors of an estimator."""
    found = [task for task in chosen if not own.missing(task)]
    if not found:
        lacking = min((own.missing(task) for task in chosen), key=len)
        fact = f"{own.name}, and no task has {', '.join(f'`{name}`' for name in lacking)}"
        wanted = "an estimator whose tensors some task has"
        raise contract_error("audit", "estimator", wanted, fact, "pass a task of your own that has")
    return found


def _try_once(own: Audited, tasks: Sequence[Task], size: int) -> None:
    """One call on each task, so that a function that cannot be called is refused at once."""
    for task in tasks:
        try:
            credit = own.credit(sample(task, task.uniform(), groups=2, size=size))
        except ContractError:
            raise
        except Exception as error:
            wanted = f"a function of {', '.join(f'`{name}`' for name in own.needs)} of {task.name}"
            fact = f"{own.name} ({error_line(error)})"
            raise contract_error("audit", "estimator", wanted, fact) from error
        if not bool(credit.isfinite().all()):
            fact = f"a NaN or an infinity from {own.name} on {task.name}"
            raise contract_error("audit", "estimator", "a function with finite credit", fact)


@dataclass(frozen=True)
class _Run:
    """The tiers of one estimator after another, on the same tasks and seeds."""

    scale: Size
    size: int
    seed: int
    usable: Sequence[Task]
    whole: bool  # the tasks of the house, and none that was asked for

    def tiers(self, each: Audited, chosen: Sequence[Task], watch: _Watch) -> Tiers:
        """All tiers of one estimator but learning."""
        tasks = [task for task in self.usable if not each.missing(task)]
        watch("facts", each)
        sheet = facts(each, tasks, self.scale.groups, self.size, self.seed) if tasks else {}
        watch("exact", each)
        expected = self._exact(each, tasks)
        watch("quality", each)
        sampled = quality(each, tasks, self.scale.groups, self.size, self.seed) if tasks else []
        watch("path", each)
        walked = self._path(each, tasks)
        missing = {task.name: tuple(each.missing(task)) for task in chosen if each.missing(task)}
        return Tiers(tuple(expected), tuple(sampled), tuple(walked), sheet, missing)

    def learning(self, every: Sequence[Audited]) -> Learning:
        """The rows of learning of all estimators, and their curves."""
        tasks = self._some(self.usable, self.scale.learn_on)
        scale = self.scale
        return learn(every, tasks, scale.seeds, scale.updates, size=self.size, seed=self.seed)

    def heat_maps(self, every: Sequence[Audited]) -> tuple[str, dict[str, HeatMap]]:
        """The credit of one group for a picture, on the task of the fewest turns above 2."""
        task = min(self.usable, key=lambda each: (each.turns <= 2, each.turns))
        fit = [each for each in every if not each.missing(task)]
        groups = self.scale.groups
        return task.name, {
            each.name: heat_map_of(each, task, groups, self.size, self.seed) for each in fit
        }

    def settings(self, quick: bool, own: Audited) -> dict[str, Any]:
        """How the audit was made."""
        return {
            "groups": self.scale.groups,
            "size": self.size,
            "seeds": self.scale.seeds,
            "seed": self.seed,
            "updates": self.scale.updates,
            "along": self.scale.along,
            "dtype": "float64",
            "quick": quick,
            "on": own.on.name if own.on is not None else None,
        }

    def _some(self, tasks: Sequence[Task], names: tuple[str, ...]) -> list[Task]:
        """Those of the tasks that a tier is limited to, unless tasks were asked for."""
        return [task for task in tasks if not self.whole or task.name in names]

    def _path(self, each: Audited, tasks: Sequence[Task]) -> list[PathRow]:
        """The forms of the tasks that are learnt from the start, and the tasks of a user."""
        names: list[Chosen] = [
            task.name if task.name in PATH_TASKS else task
            for task in tasks
            if task.name in self.scale.path_on or not self.whole
        ]
        if not names:
            return []
        scale = self.scale
        return path(each, names, scale.along, scale.path_groups, self.seed, size=self.size)

    def _exact(self, each: Audited, tasks: Sequence[Task]) -> list[ExactRow]:
        """The tiny forms of the tasks, and the tasks of a user that are small themselves."""
        if self.whole:
            return exact(each)
        names = [task.name for task in tasks if task.name in TASKS and task.name in TINY]
        tiny = exact(each, tasks=names) if names else []
        own = [(task, _sizes(task)) for task in tasks if task.name not in TASKS]
        return [*tiny, *(row for task, sizes in own for row in exact(each, sizes, [task]))]


def _sizes(task: Task) -> list[int]:
    """The sizes of groups, 2 and 3, whose groups are few enough to enumerate."""
    found: list[int] = []
    for size in (2, 3):
        try:
            every_group(task, task.uniform(), size, most=MOST_ROWS)
        except ContractError:
            break
        found.append(size)
    return found


class _Watch:
    """Tells the progress: the share of the work that is done when a tier begins."""

    def __init__(self, progress: Progress | None, estimators: int) -> None:
        self._progress = progress
        self._estimators = estimators
        self._done = 0.0

    def __call__(self, tier: str, each: Audited | None = None) -> None:
        if self._progress is not None:
            self._progress(f"{tier}: {each.name}" if each is not None else tier, self._done)
        self._done += _SHARES[tier] / (1 if tier == "learning" else self._estimators)

    def end(self) -> None:
        """All is done."""
        if self._progress is not None:
            self._progress("", 1.0)


def _facts_of(task: Task) -> dict[str, Any]:
    """What a task is, and at which policy it was audited."""
    return {
        "digest": task.digest,
        "policy": "logits 0.5 N(0, 1), numpy default_rng(0)",
        "states": len(task.states),
        "observations": len(task.observations),
        "actions": task.actions,
        "turns": task.turns,
    }


def versions() -> dict[str, str]:
    """What an audit was computed with.

    >>> sorted(versions())
    ['creditlib', 'numpy', 'python', 'torch']
    """
    return {
        "creditlib": __version__,
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }
