"""The steps of one row as compiled loops: softmin, hard minimum, running minimum, sums to the end.

Each works in place on the turns that exist, and adds from the last turn on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from creditlib.ops.backend.numba_compile import compiled

__all__ = ["FORMS", "SOFTMIN", "SUFFIX", "lowest", "make_steps", "sum_to_end", "turns_of"]

FORMS = {"softmin": (SOFTMIN := 0), "hard_min": 1, "suffix_min": (SUFFIX := 2)}
_TINY = np.finfo(np.float64).tiny


@compiled
def turns_of(i: int, count: Any, valid: Any, width: int) -> int:
    """How many turns of a row take part."""
    if len(valid) and not valid[i]:
        return 0
    return min(max(count[i], 0), width)


@compiled
def lowest(x: Any) -> float:
    """The smallest value, NaN if there is one."""
    low = np.inf
    for value in x:
        if value < low or value != value:
            low = value
    return low


@compiled
def _softmin_steps(x: Any, temperature: float, power: Any) -> None:
    """Each value times its softmin weight, in its place; `power` is room for the weights."""
    low, total = lowest(x), 0.0
    for k in range(len(x) - 1, -1, -1):
        power[k] = np.exp((low - x[k]) / temperature)
        total += power[k]
    total = max(total, _TINY)
    for k in range(len(x)):
        x[k] = (power[k] / total) * x[k]


@compiled
def _hard_min_steps(x: Any) -> None:
    """The minimum over its ties where it is met, 0 elsewhere, in place."""
    low, ties = lowest(x), 0
    for value in x:
        ties += value == low
    weight = 1.0 / max(ties, 1)
    for k in range(len(x)):
        x[k] = (weight if x[k] == low else 0.0) * x[k]


@compiled
def _running_minimum(x: Any) -> None:
    low = np.inf
    for k in range(len(x) - 1, -1, -1):
        if x[k] < low or x[k] != x[k]:
            low = x[k]
        x[k] = low


@compiled
def sum_to_end(x: Any) -> None:
    """The sum of each value and those after it, in place."""
    carry = 0.0
    for k in range(len(x) - 1, -1, -1):
        carry = x[k] + carry
        x[k] = carry


@compiled
def make_steps(x: Any, form: int, temperature: float, power: Any) -> None:
    """The scores of a row become its steps, or its running minimum."""
    if form == SOFTMIN:
        _softmin_steps(x, temperature, power)
    elif form == SUFFIX:
        _running_minimum(x)
    else:
        _hard_min_steps(x)
