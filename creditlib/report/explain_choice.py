"""Which groups, trajectories and turns an explanation shows."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from creditlib.report.credit_columns import Column
from creditlib.report.summary import GroupFacts, Summary
from creditlib.vocabulary.messages import contract_error, did_you_mean

__all__ = ["SORTS", "choose_groups", "largest_turns", "mean_credit"]


def _most(number: float | None) -> float:
    """A key that puts the largest first and a missing number last."""
    return 0.0 if number is None else -1.0 - number


# By the name of the order: the key that groups are sorted by. Equal groups keep their order.
_KEYS: Mapping[str, Callable[[GroupFacts], Any]] = {
    "spread": lambda group: _most(group.spread[0] if group.spread else None),
    "disagreement": lambda group: _most(group.disagreement),
    "name": lambda group: (isinstance(group.name, str), group.name),
    "lone": lambda group: not group.lone,
}
SORTS = tuple(_KEYS)


def choose_groups(
    summary: Summary,
    names: Sequence[str | int] | None = None,
    *,
    sort: str = "spread",
    limit: int | None = None,
    function: str = "explain",
) -> list[GroupFacts]:
    """The groups that are named, in that order; else the first `limit` of all in an order.

    The text '7' also finds the group 7.

    Args:
        summary: what `summarize` returns.
        names: groups, as in the file; None for the first ones.
        sort: `spread` puts the groups first whose credit varies most under the first estimator,
            `disagreement` those with the most turns of opposite signs, `lone` those with one
            trajectory; `name` sorts numbers, then texts.
        limit: None for all groups.
        function: the name that a refusal starts with.

    Errors: an unknown order; a name that no group has.
    """
    if sort not in _KEYS:
        orders = ", ".join(map(repr, SORTS))
        fact = f"{sort!r}{did_you_mean(sort, SORTS)}"
        raise contract_error(function, "sort", f"one of {orders}", fact)
    if names is None:
        return sorted(summary.by_group, key=_KEYS[sort])[:limit]
    exact = {group.name: group for group in summary.by_group}
    as_text = {str(group.name): group for group in reversed(summary.by_group)}
    chosen: dict[str | int, GroupFacts] = {}
    for name in names:
        group = exact.get(name) or as_text.get(str(name))
        if group is None:
            listed = ", ".join(repr(each) for each in list(exact)[:5])
            more = f" and {len(exact) - 5} more" if len(exact) > 5 else ""
            wanted = f"one of the file's groups, {listed}{more}"
            fact = f"{name!r}{did_you_mean(name, as_text)}"
            raise contract_error(function, "group", wanted, fact)
        chosen[group.name] = group
    return list(chosen.values())


def mean_credit(column: Column, rows: Sequence[int], turn_count: Tensor) -> dict[int, float]:
    """The mean credit over the turns of each row, best first; equal rows keep their order.

    A row without turns, or with credit that is not finite, is left out.

    Args:
        column: the credit of an estimator.
        rows: trajectories, by their row in the batch.
        turn_count: int[batch], the turns of each trajectory.

    >>> import torch
    >>> column = Column("mine", turn_credit=torch.tensor([[1.0, 2.0], [4.0, 0.0], [0.0, 0.0]]))
    >>> mean_credit(column, [0, 1, 2], torch.tensor([2, 1, 0]))
    {1: 4.0, 0: 1.5}
    """
    if column.turn_credit is None:
        return {}
    found: dict[int, float] = {}
    for row in rows:
        count = int(turn_count[row])
        mean = float(column.turn_credit[row, :count].double().mean()) if count else float("nan")
        if np.isfinite(mean):
            found[row] = mean
    return dict(sorted(found.items(), key=lambda each: -each[1]))


def largest_turns(
    credits: Sequence[Sequence[float]], largest: Sequence[float], top: int
) -> list[int]:
    """The `top` turns with the largest |credit| under any estimator, in the order of the turns.

    Of equal turns the earlier is taken.

    Args:
        credits: for each estimator the credit of every turn.
        largest: for each estimator the |credit| that counts as 1.
        top: how many turns.

    >>> largest_turns([[0.1, -0.9, 0.2, 0.3]], [1.0], 2)
    [1, 3]
    """

    def size(turn: int) -> tuple[float, int]:
        shares = [
            abs(credit[turn]) / scale if scale else 0.0
            for credit, scale in zip(credits, largest, strict=True)
        ]
        known = [float("inf") if share != share else share for share in shares]
        return max(known, default=0.0), -turn

    turns = range(len(credits[0]) if credits else 0)
    return sorted(heapq.nlargest(top, turns, key=size))
