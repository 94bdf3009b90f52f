"""Min-form credit as compiled loops: one walk over rows for steps, one over groups, one to the end.

All is added in float64, a row from its last turn, the rows of a group in their order, as distances
to the smallest value: constant groups are exactly 0. Turns that do not exist are never read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.ops.backend.numba_arrays import Array, flat, result_of
from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.backend.openmp import parallel_rows
from creditlib.ops.groups.numba_rows import number_pairs
from creditlib.ops.min_form.numba_steps import (
    FORMS,
    SUFFIX,
    lowest,
    make_steps,
    sum_to_end,
    turns_of,
)

__all__ = ["min_form_credit", "min_returns"]

# What is kept of a row: its smallest or mean step, how many turns or tokens it has, ...
_BASE, _WEIGHT, _PULL, _MEAN, _ABOVE, _OUTCOME, _KEPT = 0, 1, 2, 3, 4, 5, 6
# What its credit is: that of the formula, its own return for want of others, nothing.
_COMPARED, _ALONE, _NOTHING = 0, 1, 2
# A step costs about as much as so many tokens of other loops, which threads are measured by.
_COST = 8
_NO_UNITS = np.empty((0, 0))


@compiled
def _return_rows(
    first: Any,
    last: Any,
    score: Any,
    count: Any,
    valid: Any,
    form: int,
    temperature: float,
) -> None:
    width = score.shape[1]
    power = np.empty(width)
    for i in range(first, last):
        turns = turns_of(i, count, valid, width)
        own = score[i, :turns]
        make_steps(own, form, temperature, power)
        sum_to_end(own)
        score[i, turns:] = 0.0


@compiled
def _step_rows(
    first: Any,
    last: Any,
    score: Any,
    count: Any,
    valid: Any,
    unit: Any,
    length: Any,
    form: int,
    temperature: float,
    kept: Any,
) -> None:
    """Scores become steps; what the group has to know of each row is kept."""
    width = score.shape[1]
    power = np.empty(width)
    for i in range(first, last):
        turns = turns_of(i, count, valid, width)
        own = score[i, :turns]
        make_steps(own, form, temperature, power)
        low = lowest(own) if turns else 0.0
        size, pull = 0.0, 0.0
        for k in range(turns - 1, -1, -1):
            weight = unit[i, k] if unit.shape[1] else 1.0
            size += weight
            pull += (weight if form == SUFFIX else 1.0) * (own[k] - low)
        kept[_BASE, i], kept[_PULL, i] = low, pull
        if form != SUFFIX:
            mean = low + pull / max(turns, 1)
            kept[_MEAN, i] = kept[_BASE, i] = mean
            kept[_PULL, i] = 0.0
            if unit.shape[1]:
                size = length[i] if len(length) else size
                kept[_BASE, i] = mean * turns / (size if size > 0 else 1.0)
            else:
                size = 1.0 if turns else 0.0
        kept[_WEIGHT, i] = size


@compiled
def _compare_rows(
    group: Any, count: Any, valid: Any, reward: Any, form: int, raw: bool, kept: Any, state: Any
) -> None:
    """How far each row lies above the others of its group, and its reward above theirs."""
    rows = len(group)
    number, taken = np.empty(rows, dtype=np.int32), np.zeros(rows, dtype=np.bool_)
    found = number_pairs(group, group[:0], valid, number)
    _compare_rewards(reward, number, found, raw, kept)
    peers = np.zeros(found)
    for i in range(rows):
        if number[i] >= 0:
            peers[number[i]] += kept[_WEIGHT, i] > 0
            # A running minimum exists where there are turns.
            taken[i] = form != SUFFIX or count[i] > 0
    pivot = np.full(found, np.inf)
    for i in range(rows):
        if taken[i] and kept[_BASE, i] < pivot[number[i]]:
            pivot[number[i]] = kept[_BASE, i]
    mass, pull = np.zeros(found), np.zeros(found)
    for i in range(rows):
        if taken[i]:
            g, weight = number[i], kept[_WEIGHT, i]
            kept[_PULL, i] += weight * (kept[_BASE, i] - pivot[g])
            mass[g] += weight
            pull[g] += kept[_PULL, i]
    for i in range(rows):
        if number[i] < 0:
            continue
        g, weight = number[i], kept[_WEIGHT, i]
        others, above = mass[g] - weight, 0.0
        if others > 0:
            above = (kept[_BASE, i] - pivot[g]) - (pull[g] - kept[_PULL, i]) / others
        kept[_ABOVE, i] = above
        state[i] = _COMPARED if others > 0 or form != SUFFIX else _NOTHING
        if peers[g] - (weight > 0) == 0:
            state[i] = _ALONE


@compiled
def _compare_rewards(reward: Any, number: Any, found: int, raw: bool, kept: Any) -> None:
    """The reward of each row minus the mean of the others of its group."""
    if len(reward) == 0:
        return
    low, total, members = np.full(found, np.inf), np.zeros(found), np.zeros(found)
    for i in range(len(reward)):
        if number[i] >= 0:
            members[number[i]] += 1.0
            if reward[i] < low[number[i]]:
                low[number[i]] = reward[i]
    for i in range(len(reward)):
        if number[i] >= 0:
            total[number[i]] += reward[i] - low[number[i]]
    for i in range(len(reward)):
        g = number[i]
        if g >= 0:
            gap, rest = reward[i] - low[g], members[g] - 1.0
            outcome = gap - (total[g] - gap) / rest if rest > 0 else 0.0
            kept[_OUTCOME, i] = reward[i] if rest == 0 and raw else outcome


@compiled
def _credit_rows(
    first: Any,
    last: Any,
    score: Any,
    count: Any,
    valid: Any,
    unit: Any,
    length: Any,
    form: int,
    raw: bool,
    reward: Any,
    reward_weight: float,
    kept: Any,
    state: Any,
) -> None:
    """Steps become credit."""
    width = score.shape[1]
    for i in range(first, last):
        turns = turns_of(i, count, valid, width)
        own = score[i, :turns]
        score[i, turns:] = 0.0
        mean, above, size = kept[_MEAN, i], kept[_ABOVE, i], kept[_WEIGHT, i]
        if turns and state[i] == _COMPARED:
            for k in range(turns):
                if form == SUFFIX:
                    own[k] = (own[k] - kept[_BASE, i]) + above
                elif unit.shape[1]:
                    share = turns * unit[i, k] / (size if size > 0 else 1.0)
                    own[k] = (own[k] - mean * share) + above * unit[i, k]
                else:
                    own[k] = (own[k] - mean) + above
        elif state[i] == _NOTHING or not raw:
            own[:] = 0.0
        if form != SUFFIX:
            sum_to_end(own)
        if len(reward):
            for k in range(turns):
                own[k] += reward_weight * kept[_OUTCOME, i]


def _floats(score: Tensor) -> Array:
    """A copy of the scores in float64, which the loops work in."""
    values = flat(score, np.float64)
    return (values.copy() if score.dtype is torch.float64 else values).reshape(score.shape)


def min_returns(
    score: Tensor, turn_count: Tensor, temperature: float | None, valid: Tensor | None = None
) -> Tensor:
    """The sums to the end of the steps, as compiled loops."""
    x, count, taken = _floats(score), flat(turn_count, np.int64), flat(valid, np.bool_)
    form = FORMS["hard_min" if temperature is None else "softmin"]
    heat = 1.0 if temperature is None else float(temperature)
    parallel_rows(_return_rows, len(x), _COST * x.size, x, count, taken, form, heat)
    return result_of(x.reshape(-1), score.shape, score)


def min_form_credit(
    score: Tensor,
    group: Tensor,
    turn_count: Tensor,
    *,
    form: str,
    temperature: float,
    baseline: str,
    reward_weight: float,
    lone: str,
    valid: Tensor | None = None,
    turn_length: Tensor | None = None,
    length: Tensor | None = None,
    reward: Tensor | None = None,
) -> Tensor:
    """A min-form return minus that of the group's other rows, as compiled loops."""
    x, kind, raw, factor = _floats(score), FORMS[form], lone == "raw", float(reward_weight)
    rows, count, taken = len(x), flat(turn_count, np.int64), flat(valid, np.bool_)
    by_token = baseline == "token" and turn_length is not None
    unit = flat(turn_length, np.float64).reshape(x.shape) if by_token else _NO_UNITS
    size = flat(length if by_token else None, np.float64)
    outcome = flat(reward, np.float64)
    kept, state = np.empty((_KEPT, rows)), np.empty(rows, dtype=np.int8)
    head = x, count, taken, unit, size, kind
    parallel_rows(_step_rows, rows, _COST * x.size, *head, float(temperature), kept)
    ids = flat(group, np.int64)
    _compare_rows(ids, count, taken, outcome, kind, raw, kept, state)
    parallel_rows(_credit_rows, rows, x.size, *head, raw, outcome, factor, kept, state)
    return result_of(x.reshape(-1), score.shape, score, turn_length, length, reward)
