"""The sentences under the table of an audit: what the rows say of each task, in plain words."""

from __future__ import annotations

from creditlib.audit.ranking import BIASED
from creditlib.audit.result import Audit
from creditlib.audit.rows import LearningRow, QualityRow

__all__ = ["general_sentences", "task_sentences"]

_SAME = 0.01  # a smaller difference of areas is none
_WEAK = 0.005  # below this relative uSNR a number of groups is not worth a figure


def task_sentences(audit: Audit) -> list[tuple[str, str]]:
    """(task, what was found there) for each task of the audit.

    Each has the direction of the gradient, the noise, the best of the others, the groups without a
    gradient, and what its own training and learning showed.
    """
    return [(task, " ".join(_of_task(audit, task))) for task in audit.tasks]


def _of_task(audit: Audit, task: str) -> list[str]:
    parts = [_direction(audit, task), _noise(audit, task), _others(audit, task)]
    parts += [_dead(audit, task), _path(audit, task), _learning(audit, task)]
    return [part for part in parts if part]


def _row(audit: Audit, task: str, metric: str, name: str | None = None) -> QualityRow | None:
    """A metric that is defined."""
    row = audit.every[name or audit.estimator].quality_of(task, metric)
    return row if row is not None and row.value is not None else None


def _direction(audit: Audit, task: str) -> str:
    row = _row(audit, task, "cosine")
    if row is None or row.value is None:
        return "The direction of its mean gradient is lost in the noise."
    found = f"cosine {row.value:.3f}{_interval(row)}"
    if row.low is not None and row.low >= BIASED:
        along = "points along" if row.value >= 0.99 else "is close to"
        return f"Its gradient {along} the true one ({found})."
    if row.high is None or row.high >= BIASED:
        return f"The groups do not tell whether its gradient is biased ({found})."
    if row.value <= 0:
        return f"Its gradient is biased and does not even climb ({found})."
    return f"Its gradient is biased: it climbs something else too ({found})."


def _noise(audit: Audit, task: str) -> str:
    row = _row(audit, task, "usnr_over_oracle")
    if row is None or row.value is None:
        return ""
    percent = f"{_percent(row.value)} of the oracle's uSNR"
    if row.value < _WEAK:
        return f"It has {percent}: nearly all of a group's gradient is noise."
    if row.value >= 1:
        return f"It has {percent}."
    return f"It has {percent}: it needs {_times(1 / row.value)} times as many groups."


def _others(audit: Audit, task: str) -> str:
    """The best of the others, and whether the intervals tell the two apart."""
    own = _row(audit, task, "usnr_over_oracle")
    found = {name: _row(audit, task, "usnr_over_oracle", name) for name in audit.against}
    rows = {name: row for name, row in found.items() if row is not None}
    if own is None or not rows:
        return ""
    name = max(rows, key=lambda each: rows[each].value or 0.0)
    best = rows[name]
    if _apart(own, best):
        return f"That is more than any of the others ({name}: {_percent(best.value)})."
    if _apart(best, own):
        return f"{name} has more ({_percent(best.value)})."
    return f"The intervals do not tell it from {name} ({_percent(best.value)})."


def _apart(high: QualityRow, low: QualityRow) -> bool:
    """Whether the interval of one lies above that of the other."""
    return high.low is not None and low.high is not None and high.low > low.high


def _percent(share: float | None) -> str:
    """A share in percent, with two digits, and three near 100 %."""
    percent = 100 * (share or 0.0)
    return f"{percent:.1f} %" if 99 < percent < 100 else f"{_times(percent)} %"


def _times(number: float) -> str:
    """A number with two digits, and no exponent."""
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def _interval(row: QualityRow) -> str:
    if row.low is None or row.high is None:
        return ""
    return f" [{row.low:.3f}, {row.high:.3f}]"


def _dead(audit: Audit, task: str) -> str:
    row = _row(audit, task, "dead")
    if row is None or row.value is None or row.value < 0.005:
        return ""
    return f"{_percent(row.value)} of the groups have no gradient."


def _path(audit: Audit, task: str) -> str:
    """What its own training does to the direction, where it turns below the gate."""
    rows = [row for row in audit.own.path if row.task == task and row.cosine is not None]
    if not rows:
        return ""
    worst = min(rows, key=lambda row: row.cosine or 0.0)
    if worst.cosine is None or worst.cosine >= BIASED or worst.update == 0:
        return ""
    after = f"After {worst.update} updates of its own training the cosine is {worst.cosine:.2f}"
    if worst.cosine < 0:
        return f"{after}: the policy is led away from the reward."
    return f"{after}."


def _learning(audit: Audit, task: str) -> str:
    """Who learns faster, by the paired differences; one below .01 is none."""
    own = [row for row in audit.learned(audit.estimator) if row.task == task]
    others = [row for name in audit.against for row in audit.learned(name) if row.task == task]
    if not own:
        return ""
    found = f"area {own[0].area:.3f}"
    if not others:
        return f"It learns with {found}."
    apart = [row for row in audit.differences if row.task == task]
    slower = [row.estimator for row in apart if row.high < 0 and row.difference < -_SAME]
    faster = [row.estimator for row in apart if row.low > 0 and row.difference > _SAME]
    found = f"({found}, {_areas(others)})"
    if faster:
        return f"It learns more slowly than {_listed(faster)} {found}."
    if slower and len(slower) == len(others):
        return f"It learns faster than all others {found}."
    if slower:
        return f"It learns faster than {_listed(slower)} {found}."
    return f"It learns as fast as the others {found}."


def _areas(rows: list[LearningRow]) -> str:
    return ", ".join(f"{row.estimator} {row.area:.3f}" for row in rows)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def general_sentences(audit: Audit) -> list[str]:
    """What holds for the audit as a whole: tasks left out, the exact tier, how it was made."""
    found: list[str] = []
    for tensors, tasks in _left_out(audit).items():
        need = _listed([f"`{name}`" for name in tensors])
        found.append(f"Not audited on {_listed(tasks)}: no {need} there.")
    if audit.own.exact:
        found.append(_exact(audit))
    if audit.own.facts.get("one_more_rollout"):
        found.append(_one_more(audit))
    made = audit.settings
    found.append(
        f"{made['groups']} groups of {made['size']} on each task, {made['seeds']} seeds of "
        f"learning, seed {made['seed']}; {audit.seconds:.1f} s."
    )
    return found


def _one_more(audit: Audit) -> str:
    """What a group of one trajectory more is worth, exactly, on the tiny tasks."""
    rows = [row for row in audit.own.facts["one_more_rollout"] if row["gain"] is not None]
    if not rows:
        return "What one rollout more in a group is worth is undefined on the tiny tasks."
    n = rows[0]["n"]
    low, high = (f"{100 * pick(row['gain'] for row in rows):+.0f} %" for pick in (min, max))
    change = low if low == high else f"{low} to {high}"
    return (
        f"Groups of {n + 1} instead of {n} change the signal over noise of a trajectory by "
        f"{change} on the tiny tasks."
    )


def _left_out(audit: Audit) -> dict[tuple[str, ...], list[str]]:
    """The tasks by the tensors that they lack."""
    found: dict[tuple[str, ...], list[str]] = {}
    for task, tensors in audit.own.not_audited.items():
        found.setdefault(tuple(tensors), []).append(task)
    return found


def _exact(audit: Audit) -> str:
    """The expected gradient over all groups, in one sentence."""
    rows = audit.own.exact
    if all(row.max_error < 1e-9 for row in rows):
        return "Over all groups of 2 and 3 its expected gradient is exactly the true one."
    known = [row for row in rows if row.cosine is not None]
    if not known:
        return "Over all groups of 2 and 3 its expected gradient is 0."
    worst = min(known, key=lambda row: row.cosine or 0.0)
    if worst.cosine is not None and worst.cosine > 1 - 1e-9:
        return "Over all groups of 2 and 3 its expected gradient is along the true one, scaled."
    return (
        f"Over all groups of 2 and 3 the worst cosine of its expected gradient is "
        f"{worst.cosine:.4f} ({worst.task}, groups of {worst.n})."
    )
