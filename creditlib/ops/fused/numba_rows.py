"""The steps of turn-level methods over all rows, in the order of the steps: same sums, same bits.

The arithmetic is that of `groups` and `returns`, whose compiled loops are called here.
"""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

import numpy as np

from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.groups.numba_rows import relative_rows
from creditlib.ops.returns.numba_rows import turn_rows

__all__ = [
    "JOINT",
    "SEPARATE",
    "a2tgpo_rows",
    "conserved_rows",
    "existing",
    "gigpo_rows",
    "grpo_process_rows",
    "igpo_rows",
    "repeated",
]

JOINT, SEPARATE, _COLUMN = 0, 1, 2  # the pool that the gain of a turn is compared in


@compiled
def existing(count: Any, valid: Any, turns: int) -> Any:
    """The turns that exist in rows that take part, bool[row turn]."""
    where = np.empty((len(count), turns), dtype=np.bool_)
    for i in range(len(count)):
        real = count[i] if len(valid) == 0 or valid[i] else 0
        for k in range(turns):
            where[i, k] = k < real
    return where


@compiled
def repeated(group: Any, turns: int) -> Any:
    """The id of a row for each of its turns, int64[row·turn]."""
    ids = np.empty(len(group) * turns, dtype=np.int64)
    for i in range(len(group)):
        for k in range(turns):
            ids[i * turns + k] = group[i]
    return ids


@compiled
def gigpo_rows(
    reward: Any,
    group: Any,
    turn_reward: Any,
    anchor: Any,
    count: Any,
    valid: Any,
    gamma: float,
    episode_weight: float,
    step_weight: float,
    of_episode: Any,
    of_step: Any,
    result: Any,
) -> None:
    """An episode among its group plus a turn among turns of the same state; writes `result`."""
    rows, turns = len(reward), len(anchor) // max(len(reward), 1)
    where = existing(count, valid, turns)
    real = where.reshape(rows * turns)
    returns = np.empty((rows, turns))
    turn_rows(turn_reward.reshape((rows, turns)), where, gamma, returns)
    no_number, no_id = reward[:0], group[:0]
    episode = np.empty(rows)
    relative_rows(reward, group, no_id, valid, no_number, no_id, no_number, of_episode, episode)
    met = real & (anchor >= 0)
    relative_rows(
        returns.reshape(rows * turns), repeated(group, turns), anchor, met, no_number, no_id,
        no_number, of_step, result,
    )  # fmt: skip
    for u in range(rows * turns):
        if real[u]:
            result[u] = episode_weight * episode[u // turns] + step_weight * result[u]
        else:
            result[u] = 0.0


@compiled
def _scores(
    gain: Any, reward: Any, group: Any, count: Any, valid: Any, pool: int, options: Any
) -> Any:
    """The scores of gains and outcomes in their pools; the outcome is one more column."""
    rows, turns = len(reward), len(gain) // max(len(reward), 1)
    x, where = np.zeros((rows, turns + 1)), np.zeros((rows, turns + 1), dtype=np.bool_)
    kind = np.zeros((rows, turns + 1), dtype=np.int64)
    for i in range(rows):
        if pool == SEPARATE:
            kind[i, turns] = 1
        elif pool == _COLUMN:
            for k in range(turns + 1):
                kind[i, k] = k
        x[i, turns] = reward[i]
        if len(valid) and not valid[i]:
            continue
        where[i, turns] = True
        for k in range(min(turns, count[i] - 1)):
            x[i, k], where[i, k] = gain[i * turns + k], True
    score, size = np.empty((rows, turns + 1)), rows * (turns + 1)
    relative_rows(
        x.reshape(size), repeated(group, turns + 1), kind.reshape(size), where.reshape(size),
        reward[:0], group[:0], reward[:0], options, score.reshape(size),
    )  # fmt: skip
    return score


@compiled
def igpo_rows(
    gain: Any,
    reward: Any,
    group: Any,
    count: Any,
    valid: Any,
    pool: int,
    gamma: float,
    options: Any,
    result: Any,
) -> None:
    """Discounted sums of the scores of gains and of the outcome; writes `result`."""
    score = _scores(gain, reward, group, count, valid, pool, options)
    rows, turns = len(reward), score.shape[1] - 1
    z = np.empty((rows, turns))
    for i in range(rows):
        for k in range(turns):
            z[i, k] = score[i, k if k < count[i] - 1 else turns]
    turn_rows(z, existing(count, valid, turns), gamma, result.reshape((rows, turns)))


@compiled
def a2tgpo_rows(
    gain: Any,
    reward: Any,
    group: Any,
    count: Any,
    valid: Any,
    own: Any,
    gamma: float,
    options: Any,
    result: Any,
) -> None:
    """Sums of scored gains over the root of how many there are, plus the outcome."""
    alpha, root = own
    score = _scores(gain, reward, group, count, valid, _COLUMN, options)
    rows, turns = len(reward), score.shape[1] - 1
    sums = result.reshape((rows, turns))
    turn_rows(score[:, :turns].copy(), existing(count - 1, valid, turns), gamma, sums)
    where = existing(count, valid, turns)
    for i in range(rows):
        for k in range(turns):
            if where[i, k]:
                left = min(count[i] - 1, turns) - k
                sums[i, k] = alpha * sums[i, k] / root[left] + score[i, turns]
            else:
                sums[i, k] = 0.0


@compiled
def grpo_process_rows(
    x: Any, group: Any, count: Any, valid: Any, options: Any, result: Any
) -> None:
    """Sums to the end of turns among all turns of the group; writes `result`."""
    rows, turns = len(count), len(x) // max(len(count), 1)
    where, z = existing(count, valid, turns), np.empty((rows, turns))
    relative_rows(
        x, repeated(group, turns), group[:0], where.reshape(rows * turns), x[:0], group[:0],
        x[:0], options, z.reshape(rows * turns),
    )  # fmt: skip
    turn_rows(z, where, 1.0, result.reshape((rows, turns)))


@compiled
def conserved_rows(
    x: Any, group: Any, count: Any, valid: Any, cap: float, options: Any, result: Any
) -> None:
    """Each turn over the mean of its peers, after the cap; writes `result`."""
    rows, turns = len(count), len(x) // max(len(count), 1)
    where = existing(count, valid, turns).reshape(rows * turns)
    first = repeated(group, turns)
    no_number, no_id = x[:0], group[:0]
    if cap >= 0:
        relative_rows(x, first, no_id, where, no_number, no_id, no_number, options, result)
        x = np.minimum(x, cap * (x - result))
    relative_rows(x, first, no_id, where, no_number, no_id, no_number, options, result)
    for u in range(rows * turns):
        if not where[u]:
            result[u] = 0.0
            continue
        mean = x[u] - result[u]
        result[u] = x[u] / mean if mean > 0 else 1.0
