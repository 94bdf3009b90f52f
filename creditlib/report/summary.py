"""The numbers of one screen: which groups teach, where credit goes, where estimators disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from creditlib.diagnostics import diagnose
from creditlib.report.credit_columns import Column
from creditlib.report.findings import Finding, findings
from creditlib.report.summary_parts import EstimatorFacts, GroupFacts, OutcomeShare, Pair
from creditlib.rollouts import Rollouts

__all__ = [
    "EstimatorFacts",
    "Finding",
    "GroupFacts",
    "OutcomeShare",
    "Pair",
    "Summary",
    "float64_of",
    "opposite_share",
    "rank_correlation",
    "summarize",
]

Array: TypeAlias = "np.ndarray[Any, Any]"

_CONTEXT = ("reward", "group", "turn_reward", "turn_count", "valid", "anchor")
_DISTINCT = 6  # outcomes up to this number stand for themselves
_RANGES = 5


@dataclass(frozen=True)
class Summary:
    """The numbers that a reader sees first; only estimators with credit are in it.

    trajectories, turns: of all rollouts. excluded: trajectories without an outcome.
    groups: groups with a trajectory that takes part; `lone` have one, `constant` have several with
        one outcome, `informative` have finite credit that is not 0 under at least one estimator.
    empty: groups in which no trajectory takes part. largest: the trajectories of the largest group.
    estimators: for each estimator its mean |credit|, by turn and by outcome, and `diagnose`.
    pairs: for each two estimators the turns with opposite signs and the rank correlation.
    by_group: the facts of each group, in the order of the file.
    findings: what a reader should know, each with what to do about it.
    """

    trajectories: int
    turns: int
    excluded: int
    groups: int
    lone: int
    constant: int
    informative: int
    empty: int
    largest: int
    estimators: tuple[EstimatorFacts, ...]
    pairs: tuple[Pair, ...]
    by_group: tuple[GroupFacts, ...]
    findings: tuple[Finding, ...]


def summarize(rollouts: Rollouts, columns: Sequence[Column]) -> Summary:
    """The summary of the credit that `credit_columns` computed for the same rollouts.

    Statistics are taken over turns that take part: those of trajectories with an outcome. Credit
    that is not finite is left out of each statistic; a finding says how much there is.

    Args:
        rollouts: what `creditlib.rollouts.read` returns.
        columns: the result of `credit_columns`; those without credit are left out.

    >>> from creditlib.report.credit_columns import credit_columns
    >>> from creditlib.rollouts import from_trajectories
    >>> turn = {"text": "..."}
    >>> batch = from_trajectories([
    ...     {"group": "a", "outcome": 1.0, "turns": [turn, turn]},
    ...     {"group": "a", "outcome": 0.0, "turns": [turn]},
    ...     {"group": "b", "outcome": 1.0, "turns": [turn]},
    ... ])
    >>> found = summarize(batch, credit_columns(batch, ["grpo", "rloo"]))
    >>> found.groups, found.lone, found.informative, found.turns
    (2, 1, 1, 4)
    >>> found.estimators[1].by_turn, found.pairs[0].opposite
    ((0.6666666666666666, 1.0), 0.0)
    """
    tensors = rollouts.tensors
    valid = tensors["valid"].numpy()
    count = tensors["turn_count"].numpy()
    width = tensors["turn_reward"].shape[1]
    there = (np.arange(width) < count[:, None]) & valid[:, None]
    reward = float64_of(tensors["reward"])
    credited = [column for column in columns if column.credit is not None]
    tables = {id(c): float64_of(c.turn_credit) for c in credited if c.turn_credit is not None}
    context: dict[str, Any] = {name: tensors[name] for name in _CONTEXT if name in tensors}
    estimators = tuple(
        EstimatorFacts(
            name=column.name,
            mean_abs=_mean(np.abs(tables[id(column)][_known(tables[id(column)], there)])),
            by_turn=_by_turn(tables[id(column)], there),
            by_outcome=_by_outcome(tables[id(column)], there, reward, valid),
            not_finite=int((there & ~np.isfinite(tables[id(column)])).sum()),
            metrics=diagnose(_float(column.credit), **context) if column.credit is not None else {},
        )
        for column in credited
    )
    pairs = tuple(
        Pair(
            first=a.name,
            second=b.name,
            turns=int(there.sum()),
            opposite=opposite_share(tables[id(a)][there], tables[id(b)][there]),
            rank_correlation=rank_correlation(tables[id(a)][there], tables[id(b)][there]),
        )
        for a, b in combinations(credited, 2)
    )
    by_group = tuple(
        _group(name, np.array(rows), [tables[id(c)] for c in credited], there, valid, reward)
        for name, rows in rollouts.groups.items()
    )
    taking_part = [group for group in by_group if group.members]
    counts = {
        "trajectories": len(valid),
        "turns": int(count.sum()),
        "excluded": int((~valid).sum()),
        "groups": len(taking_part),
        "lone": sum(group.lone for group in taking_part),
        "constant": sum(group.constant for group in taking_part),
        "informative": sum(group.informative for group in taking_part),
        "empty": len(by_group) - len(taking_part),
        "largest": max((len(group.rows) for group in by_group), default=0),
    }
    told = tuple(findings(counts, estimators, pairs))
    return Summary(**counts, estimators=estimators, pairs=pairs, by_group=by_group, findings=told)


def opposite_share(first: Array, second: Array) -> float | None:
    """The share of values that have opposite signs in two arrays; None without a pair.

    0 has no sign. A pair with a number that is not finite is left out.

    >>> opposite_share(np.array([1.0, -1.0, 0.0, 2.0]), np.array([-1.0, -1.0, 1.0, 1.0]))
    0.25
    """
    known = np.isfinite(first) & np.isfinite(second)
    return _mean(np.sign(first[known]) * np.sign(second[known]) < 0)


def rank_correlation(first: Array, second: Array) -> float | None:
    """Spearman's rank correlation; equal values share their mean rank.

    None where it is undefined: fewer than two pairs, or all values of one array are equal. A pair
    with a number that is not finite is left out.

    >>> rank_correlation(np.array([1.0, 2.0, 9.0]), np.array([10.0, 20.0, 30.0]))
    1.0
    >>> rank_correlation(np.array([1.0, 2.0]), np.array([3.0, 3.0])) is None
    True
    """
    known = np.isfinite(first) & np.isfinite(second)
    x, y = _ranks(first[known]), _ranks(second[known])
    if not len(x) or x.min() == x.max() or y.min() == y.max():
        return None
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()), -1.0, 1.0))


def _ranks(x: Array) -> Array:
    """The rank of each value from 0; equal values share their mean rank."""
    _, index, often = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(often) - (often + 1) / 2)[index.reshape(-1)]


def float64_of(x: Tensor) -> Array:
    """The values of a tensor of any precision and device, without its gradient.

    >>> float64_of(torch.tensor([1, 2], dtype=torch.float16))
    array([1., 2.])
    """
    return x.detach().to("cpu", torch.float64).numpy()


def _float(credit: Tensor) -> Tensor:
    """Credit as `diagnose` takes it: a function of the user may count in integers."""
    return credit if credit.is_floating_point() else credit.double()


def _known(table: Array, there: Array) -> Array:
    return there & np.isfinite(table)


def _mean(x: Array) -> float | None:
    return float(x.mean()) if len(x) else None


def _by_turn(table: Array, there: Array) -> tuple[float | None, ...]:
    known = _known(table, there)
    size, count = np.where(known, np.abs(table), 0.0).sum(0), known.sum(0)
    pairs = zip(size.tolist(), count.tolist(), strict=True)
    return tuple(total / number if number else None for total, number in pairs)


def _by_outcome(
    table: Array, there: Array, reward: Array, valid: Array
) -> tuple[OutcomeShare, ...]:
    """Each outcome alone where there are few, else ranges that hold equally many trajectories."""
    distinct = np.unique(reward[valid])
    if len(distinct) <= _DISTINCT:
        ranges = [(low, low) for low in distinct.tolist()]
    else:
        edges = np.unique(np.quantile(reward[valid], np.linspace(0, 1, _RANGES + 1)))
        ranges = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    found: list[OutcomeShare] = []
    for number, (low, high) in enumerate(ranges):
        above = reward > low if number and low < high else reward >= low
        rows = valid & above & (reward <= high)
        known = _known(table, there & rows[:, None])
        share = OutcomeShare(low, high, int(rows.sum()), _mean(np.abs(table[known])))
        found.append(share)
    return tuple(found)


def _group(
    name: str | int,
    rows: Array,
    tables: Sequence[Array],
    there: Array,
    valid: Array,
    reward: Array,
) -> GroupFacts:
    members = rows[valid[rows]]
    outcomes = reward[members]
    inside = there[rows]
    flat = [table[rows][inside] for table in tables]
    shares = [opposite_share(a, b) for a, b in combinations(flat, 2)]
    finite = [values[np.isfinite(values)] for values in flat]
    return GroupFacts(
        name=name,
        rows=tuple(rows.tolist()),
        members=len(members),
        lone=len(members) == 1,
        constant=len(members) > 1 and bool(outcomes.min() == outcomes.max()),
        informative=any(bool((values != 0).any()) for values in finite),
        spread=tuple(float(values.std()) if len(values) else None for values in finite),
        disagreement=max((share for share in shares if share is not None), default=None),
    )
