"""Three ways to match rows of a table of similarities with its columns, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["exact", "greedy", "transport"]

_SWEEPS, _CLOSE = 10_000, 1e-12


def exact(table: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The column of each row in the one-to-one matching of largest total, -1 for none.

    A pair of similarity 0 is no pair.

    >>> exact(np.array([[0.9, 0.8], [0.8, 0.0]])).tolist()
    [1, 0]
    """
    from scipy.optimize import linear_sum_assignment

    found = np.full(len(table), -1, dtype=np.int64)
    if table.size:
        calls, targets = linear_sum_assignment(table, maximize=True)
        found[calls] = np.where(table[calls, targets] > 0, targets, -1)
    return found


def greedy(table: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The column of each row when the largest similarity is taken first, -1 for none.

    Of equal similarities the first row is taken, then the first column.

    >>> greedy(np.array([[0.9, 0.8], [0.8, 0.0]])).tolist()
    [0, -1]
    """
    found = np.full(len(table), -1, dtype=np.int64)
    left = np.array(table, dtype=np.float64)
    for _ in range(min(table.shape)):
        call, target = np.unravel_index(int(left.argmax()), left.shape)
        if left[call, target] <= 0:
            break
        found[call] = target
        left[call, :] = left[:, target] = 0.0
    return found


def transport(
    tables: np.ndarray[Any, Any],
    rows: np.ndarray[Any, Any],
    columns: np.ndarray[Any, Any],
    regularization: float,
) -> np.ndarray[Any, Any]:
    """What each row of each table receives under the entropic transport plan, [table row].

        result[b,i] = Σ_j T[b,i,j] · tables[b,i,j]
        T maximizes Σ T · table + regularization · entropy(T)
        under Σ_j T[i,j] = 1 / rows[b] and Σ_i T[i,j] = 1 / columns[b]

    The first `rows[b]` rows and `columns[b]` columns of a table count. Tables that have converged
    are left alone, so that none depends on the others.

    >>> table, two = np.array([[[1.0, 0.0], [0.0, 1.0]]]), np.array([2])
    >>> transport(table, two, two, 0.01).round(4).tolist()
    [[0.5, 0.5]]
    """
    inside = np.arange(tables.shape[1])[None, :, None] < rows[:, None, None]
    inside = inside & (np.arange(tables.shape[2])[None, None] < columns[:, None, None])
    result = np.zeros(tables.shape[:2])
    open_ = np.flatnonzero((rows > 0) & (columns > 0))
    power = np.where(inside, tables / regularization, -np.inf)[open_]
    # The margins in logarithms; outside they are 0 and meet -inf, which adds nothing.
    own, other = -np.log(rows[open_])[:, None, None], -np.log(columns[open_])[:, None, None]
    row, column = (
        np.zeros((len(open_), tables.shape[1], 1)),
        np.zeros((len(open_), 1, tables.shape[2])),
    )
    for _ in range(_SWEEPS):
        if not len(open_):
            break
        row = own - _log_sum(power + column, 2)
        before, column = column, other - _log_sum(power + row, 1)
        done = np.abs(column - before).max((1, 2)) < _CLOSE
        if done.any():
            plan = np.exp(power[done] + row[done] + column[done])
            result[open_[done]] = (plan * np.where(inside, tables, 0.0)[open_[done]]).sum(2)
            keep = ~done
            open_, power, column = open_[keep], power[keep], column[keep]
            own, other, row = own[keep], other[keep], row[keep]
    if len(open_):  # as near as the sweeps have come
        plan = np.exp(power + row + column)
        result[open_] = (plan * np.where(inside, tables, 0.0)[open_]).sum(2)
    return result


def _log_sum(x: np.ndarray[Any, Any], axis: int) -> np.ndarray[Any, Any]:
    """log Σ exp along an axis, which stays; 0 where every term is 0."""
    largest = x.max(axis, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    total = np.exp(x - largest).sum(axis, keepdims=True)
    return np.where(total > 0, largest + np.log(np.where(total > 0, total, 1.0)), 0.0)
