"""`python -m docs.quality_run` audits every estimator and writes docs/data/quality.json.

It takes some minutes on two cores and prints a line for each estimator. `--groups N`, `--seeds N`
and `--out FILE` change what their names say; `--only NAME` (repeatable) audits these alone.
`python -m docs.print_pages` then makes docs/quality.md of the file.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from creditlib.audit.chosen_tasks import chosen_tasks
from creditlib.audit.credit_quality import quality
from creditlib.audit.expected_gradient import exact
from creditlib.audit.learning_curves import LEARNING_TASKS, learn
from creditlib.audit.references import REFERENCES
from creditlib.audit.run import versions
from creditlib.audit.subject import Audited, audited
from creditlib.audit.task import Task
from creditlib.audit.tasks import TASKS, TINY
from creditlib.audit.training_path import PATH_TASKS, path
from creditlib.registry import public_functions
from creditlib.vocabulary.annotations import result_of
from docs.print_pages.functions import ROOT

__all__ = ["DATA", "METRICS", "OPTIONS", "as_text", "run", "subjects"]

DATA = ROOT / "docs" / "data" / "quality.json"
METRICS = ("usnr_over_oracle", "snr", "cosine", "dead")
# Estimators with an option that has no default.
OPTIONS: dict[str, dict[str, Any]] = {
    "discounted_return": {"gamma": 1.0},
    "gae": {"gamma": 1.0, "lam": 0.95},
    "two_level_gae": {"gamma": 1.0, "lam": 0.95},
    "overlong_penalty": {"limit": 12, "buffer": 4},
}


def subjects(only: Iterable[str] = ()) -> list[Audited]:
    """Every reference, estimator, weight and shaper, those two on GRPO; no statistic."""
    kinds = {name: str(result_of(each).kind) for name, each in public_functions().items()}
    names = [*REFERENCES, *(name for name, kind in kinds.items() if kind != "statistic")]
    chosen = set(only) or set(names)
    return [audited(name, **OPTIONS.get(name, {})) for name in names if name in chosen]


def run(
    only: Iterable[str] = (),
    groups: int = 1000,
    seeds: int = 16,
    updates: int = 60,
    names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """All tiers but the facts, of all estimators, as values of JSON, with five digits.

    only: the estimators; none is all. names: the tasks; None is all.
    """
    start = time.perf_counter()
    every, tasks = subjects(only), chosen_tasks(names)
    rows: dict[str, Any] = {}
    for number, each in enumerate(every):
        began = time.perf_counter()
        rows[each.name] = _one(each, tasks, groups)
        spent = time.perf_counter() - began
        sys.stderr.write(f"[{number + 1}/{len(every)}] {each.name} {spent:.1f} s\n")
    return {
        "schema": 1,
        "versions": versions(),
        "settings": {"groups": groups, "size": 8, "seeds": seeds, "updates": updates, "seed": 0},
        "tasks": {task.name: task.digest for task in tasks},
        "estimators": rows,
        "learning": _learning(every, tasks, seeds, updates),
        "seconds": round(time.perf_counter() - start),
    }


def _one(each: Audited, tasks: Sequence[Task], groups: int) -> dict[str, Any]:
    """The rows of one estimator; without a task that has its tensors, only what is missing."""
    usable = [task for task in tasks if not each.missing(task)]
    needs = set.intersection(*(set(each.missing(task)) for task in tasks))
    found: dict[str, Any] = {
        "kind": each.kind,
        "on": each.on.name if each.on is not None else None,
        "options": dict(each.options),
        "needs": list(each.needs),
        "missing": sorted(needs) or (min((each.missing(t) for t in tasks), key=len)),
    }
    if not usable:
        return found
    sampled = [row for row in quality(each, usable, groups) if row.metric in METRICS]
    known = {task.name for task in tasks}
    tiny = [name for name in TINY if name in known or name not in TASKS]
    expected = exact(each, tasks=tiny)
    along = [name for name in PATH_TASKS if name in known]
    walked = path(each, tasks=along) if along else []
    return {
        **found,
        "missing": [],
        "quality": _nested((row.task, row.metric, list(row[2:])) for row in sampled),
        "exact": _nested((row.task, str(row.n), list(row[2:])) for row in expected),
        "path": _nested((row.task, str(row.update), row.cosine) for row in walked),
    }


def _learning(
    every: Sequence[Audited], tasks: Sequence[Task], seeds: int, updates: int
) -> Mapping[str, Any]:
    """The areas by task and estimator; a few estimators at a time, for the memory."""
    found: dict[str, Any] = {}
    for start in range(0, len(every), 8):
        part = every[start : start + 8]
        sys.stderr.write(f"learning {start + 1}-{start + len(part)} of {len(every)}\n")
        some = [task for task in tasks if task.name in LEARNING_TASKS]
        rows = learn(part, some, seeds, updates).rows
        for row in rows:
            found.setdefault(row.task, {})[row.estimator] = _short(list(row[2:]))
    return found


def _nested(rows: Iterable[tuple[str, str, Any]]) -> dict[str, dict[str, Any]]:
    """{first: {second: numbers}}."""
    found: dict[str, dict[str, Any]] = {}
    for first, second, numbers in rows:
        found.setdefault(first, {})[second] = _short(numbers)
    return found


def _short(value: Any) -> Any:
    """Numbers with five digits."""
    if isinstance(value, list):
        return [_short(each) for each in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--out", default=str(DATA))
    given = parser.parse_args()
    found = run(given.only, given.groups, given.seeds, given.updates)
    Path(given.out).write_text(as_text(found))
    sys.stderr.write(f"{given.out} written, {found['seconds']} s\n")


def as_text(found: Mapping[str, Any]) -> str:
    """One line a task of an estimator, so that a change of the file can be read."""
    text = json.dumps(found, indent=1, allow_nan=False)
    return _joined(text) + "\n"


def _joined(text: str) -> str:
    """The innermost lists and objects on one line."""
    short = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: f"[{_flat(m[1])}]", text)
    return re.sub(r"\{\s+([^{}]*?)\s+\}", lambda m: f"{{{_flat(m[1])}}}", short)


def _flat(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    main()
