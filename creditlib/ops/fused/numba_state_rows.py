"""The steps of methods that compare turns which start from one state, over all rows.

As in `numba_rows`: the arithmetic is that of the steps, with the same bits.
"""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

import numpy as np

from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.fused.numba_rows import existing, repeated
from creditlib.ops.groups.numba_rows import number_pairs, relative_rows
from creditlib.ops.returns.numba_rows import turn_rows

__all__ = ["action_margin_rows", "hgpo_rows"]


@compiled
def _longer(window: Any, known: Any, turns: int, number: Any) -> Any:
    """Windows of one more turn: numbers of the pairs of a window and the one before it."""
    before, both = np.empty(len(window), dtype=np.int64), np.zeros(len(window), dtype=np.bool_)
    for u in range(len(window)):
        earlier = u % turns > 0
        before[u] = window[u - 1] if earlier else -1
        both[u] = known[u] and earlier and known[u - 1]
    number_pairs(window, before, both, number)
    return both


@compiled
def hgpo_rows(
    turn_reward: Any,
    group: Any,
    anchor: Any,
    count: Any,
    valid: Any,
    gamma: float,
    weights: Any,
    options: Any,
    result: Any,
) -> None:
    """The mean over windows of a return among those with an equal window; writes `result`."""
    rows, size = len(count), len(anchor)
    turns = size // max(rows, 1)
    where = existing(count, valid, turns)
    sums = np.empty((rows, turns))
    turn_rows(turn_reward.reshape((rows, turns)), where, gamma, sums)
    returns, real = sums.reshape(size), where.reshape(size)
    no_number, no_id = returns[:0], group[:0]
    known, number = real & (anchor >= 0), np.empty(size, dtype=np.int32)
    number_pairs(repeated(group, turns), anchor, known, number)
    total, mass, standing = np.zeros(size), np.zeros(size), np.empty(size)
    for step in range(len(weights)):
        window = number.astype(np.int64)
        if step > 0:
            known = _longer(window, known, turns, number)
            window = number.astype(np.int64)
        relative_rows(returns, window, no_id, known, no_number, no_id, no_number, options, standing)
        for u in range(size):
            if standing[u] != 0:
                total[u] += weights[step] * standing[u]
                mass[u] += weights[step]
    for u in range(size):
        result[u] = total[u] / mass[u] if real[u] and mass[u] > 0 else 0.0


@compiled
def _visits(number: Any, found: int) -> Any:
    """The number of turns of each number."""
    count = np.zeros(found)
    for u in range(len(number)):
        if number[u] >= 0:
            count[number[u]] += 1
    return count


@compiled
def action_margin_rows(
    reward: Any,
    group: Any,
    anchor: Any,
    action: Any,
    count: Any,
    valid: Any,
    gamma: float,
    prior: float,
    eps: float,
    options: Any,
    result: Any,
) -> None:
    """Margins of actions above their states, discounted and shrunk; writes `result`."""
    rows, size = len(count), len(anchor)
    turns = size // max(rows, 1)
    no_number, no_id = reward[:0], group[:0]
    outcome, value = np.empty(rows), np.empty(size)
    relative_rows(reward, group, no_id, valid, no_number, no_id, no_number, options, outcome)
    where = existing(count, valid, turns)
    met = where.reshape(size) & (anchor >= 0) & (action >= 0)
    for u in range(size):
        value[u] = outcome[u // turns]
    state, taken = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    visits = _visits(state, number_pairs(repeated(group, turns), anchor, met, state))
    states = state.astype(np.int64)
    counts = _visits(taken, number_pairs(states, action, met, taken))
    above_state, above_action = np.empty(size), np.empty(size)
    relative_rows(value, states, no_id, met, no_number, no_id, no_number, options, above_state)
    relative_rows(
        value, taken.astype(np.int64), no_id, met, no_number, no_id, no_number, options,
        above_action,
    )  # fmt: skip
    belief, margin = np.zeros((rows, turns)), np.zeros((rows, turns))
    for u in range(size):
        if met[u] and visits[state[u]] > counts[taken[u]]:
            seen = counts[taken[u]]
            belief[u // turns, u % turns] = seen / (seen + prior + eps)
            margin[u // turns, u % turns] = belief[u // turns, u % turns] * (
                above_state[u] - above_action[u]
            )
    credit, mass = np.empty((rows, turns)), np.empty((rows, turns))
    turn_rows(margin, where, gamma, credit)
    turn_rows(belief, where, gamma, mass)
    for i in range(rows):
        for k in range(turns):
            seen = mass[i, k]
            result[i * turns + k] = seen / (seen + prior + eps) * credit[i, k]
