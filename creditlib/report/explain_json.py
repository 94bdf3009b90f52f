"""The explanation of rollouts as one JSON object."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from torch import Tensor

from creditlib.report.credit_columns import Column, Estimator, credit_columns
from creditlib.report.explain_choice import choose_groups
from creditlib.report.summary import GroupFacts, Summary, summarize
from creditlib.rollouts import Rollouts

__all__ = ["JSON_VERSION", "explain_json"]

JSON_VERSION = 1


def explain_json(
    rollouts: Rollouts,
    estimators: Sequence[Estimator],
    *,
    groups: Sequence[str | int] | None = None,
    sort: str = "spread",
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The summary and the credit of every turn, as values that JSON has.

    - `format`: "creditlib.explain"; `version`: 1. A key may be added within a version; a key that
      changes its meaning, or goes, makes a new one.
    - `summary`: the counts of `creditlib.report.Summary`; `estimators` with mean |credit| by turn
      and by outcome and the metrics of `creditlib.diagnose`; `pairs`; `findings`. None if no
      estimator gives credit.
    - `estimators`: for each its `name`, its `options`, and the `reason` why it gives no credit, ""
      if it gives credit.
    - `notes`: what the reader of the files decided.
    - `groups`: the groups asked for, all if None is; each has its `name`, `lone`, `constant`,
      `informative`, `spread` by estimator, `disagreement`, and its `trajectories`: `row` (from 0),
      `id`, `place` in the file, `outcome`, and `turns`: each has `reward` and `credit` by
      estimator.

    A number that JSON lacks (NaN, infinity) is null. Texts stay in the files.

    Args:
        rollouts: what `creditlib.rollouts.read` returns.
        estimators: what `resolve` takes.
        groups: the groups in the result, as in the file; None for all.
        sort: the order of the groups, as in `explain`.
        options: arguments by estimator, such as {"gigpo": {"gamma": 0.9}}.

    >>> from creditlib.rollouts import from_trajectories
    >>> batch = from_trajectories([
    ...     {"group": "a", "outcome": 1.0, "turns": [{"text": "dig"}]},
    ...     {"group": "a", "outcome": 0.0, "turns": [{"text": "wait"}]},
    ... ])
    >>> found = explain_json(batch, ["rloo"])
    >>> found["groups"][0]["trajectories"][1]["turns"]
    [{'reward': 0.0, 'credit': {'rloo': -1.0}}]
    """
    given = options or {}
    columns = credit_columns(rollouts, estimators, options=options)
    credited = [column for column in columns if column.credit is not None]
    summary = summarize(rollouts, columns)
    shown = choose_groups(summary, groups, sort=sort) if credited else []
    return {
        "format": "creditlib.explain",
        "version": JSON_VERSION,
        "summary": _summary(summary) if credited else None,
        "estimators": [
            {
                "name": column.name,
                "options": _plain(given.get(column.name, {})),
                "reason": column.reason,
            }
            for column in columns
        ],
        "notes": list(rollouts.notes),
        "groups": [_group(rollouts, group, credited) for group in shown],
    }


def _summary(summary: Summary) -> dict[str, Any]:
    found = asdict(summary)
    del found["by_group"]
    found["findings"] = [finding._asdict() for finding in summary.findings]
    return cast("dict[str, Any]", _plain(found))


def _group(rollouts: Rollouts, group: GroupFacts, columns: Sequence[Column]) -> dict[str, Any]:
    names = [column.name for column in columns]
    return {
        "name": group.name,
        "lone": group.lone,
        "constant": group.constant,
        "informative": group.informative,
        "spread": dict(zip(names, _plain(group.spread), strict=True)),
        "disagreement": _plain(group.disagreement),
        "trajectories": [_trajectory(rollouts, row, columns) for row in group.rows],
    }


def _trajectory(rollouts: Rollouts, row: int, columns: Sequence[Column]) -> dict[str, Any]:
    trajectory = rollouts.trajectories[row]
    count = int(rollouts.tensors["turn_count"][row])
    rewards = _numbers(rollouts.tensors["turn_reward"][row, :count])
    credits = {
        column.name: _numbers(column.turn_credit[row, :count])
        for column in columns
        if column.turn_credit is not None
    }
    return {
        "row": row,
        "id": _plain(trajectory.get("id")),
        "place": rollouts.places[row],
        "outcome": trajectory["outcome"],
        "turns": [
            {"reward": rewards[k], "credit": {name: each[k] for name, each in credits.items()}}
            for k in range(count)
        ],
    }


def _numbers(tensor: Tensor) -> list[float | None]:
    values = cast("list[float]", tensor.tolist())  # pyright: ignore[reportUnknownMemberType]
    return [value if math.isfinite(value) else None for value in values]


def _plain(value: Any) -> Any:
    """The value with what JSON has: lists and dictionaries, and null for NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
