"""The steps of turn-level methods in one loop each, on the numbers that the steps would see.

The arithmetic is that of `groups` and `returns`, whose compiled loops are called here. Sums run in
the order of the steps, so that both ways give the same bits.
"""

# pyright: reportUntypedFunctionDecorator=false, reportMissingTypeStubs=false

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.ops.backend.numba_arrays import Array, flat, result_of
from creditlib.ops.backend.numba_compile import compiled
from creditlib.ops.groups.numba_loops import Options, options_of, relative_rows
from creditlib.ops.returns.numba_rows import turn_rows
from creditlib.vocabulary.messages import contract_error

__all__ = ["a2tgpo", "conserved_turns", "gigpo", "grpo_process", "igpo"]

_JOINT, _SEPARATE, _COLUMN = 0, 1, 2  # the pool that the gain of a turn is compared in


@compiled
def _existing(count: Any, valid: Any, turns: int) -> Any:
    """The turns that exist in rows that take part, bool[row turn]."""
    where = np.empty((len(count), turns), dtype=np.bool_)
    for i in range(len(count)):
        real = count[i] if len(valid) == 0 or valid[i] else 0
        for k in range(turns):
            where[i, k] = k < real
    return where


@compiled
def _repeated(group: Any, turns: int) -> Any:
    """The id of a row for each of its turns, int64[row·turn]."""
    ids = np.empty(len(group) * turns, dtype=np.int64)
    for i in range(len(group)):
        for k in range(turns):
            ids[i * turns + k] = group[i]
    return ids


@compiled
def _gigpo(
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
    rows, turns = len(reward), len(anchor) // max(len(reward), 1)
    where = _existing(count, valid, turns)
    real = where.reshape(rows * turns)
    returns = np.empty((rows, turns))
    turn_rows(turn_reward.reshape((rows, turns)), where, gamma, returns)
    no_number, no_id = reward[:0], group[:0]
    episode = np.empty(rows)
    relative_rows(reward, group, no_id, valid, no_number, no_id, no_number, of_episode, episode)
    met = real & (anchor >= 0)
    relative_rows(
        returns.reshape(rows * turns), _repeated(group, turns), anchor, met, no_number, no_id,
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
        if pool == _SEPARATE:
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
        x.reshape(size), _repeated(group, turns + 1), kind.reshape(size), where.reshape(size),
        reward[:0], group[:0], reward[:0], options, score.reshape(size),
    )  # fmt: skip
    return score


@compiled
def _igpo(
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
    score = _scores(gain, reward, group, count, valid, pool, options)
    rows, turns = len(reward), score.shape[1] - 1
    z = np.empty((rows, turns))
    for i in range(rows):
        for k in range(turns):
            z[i, k] = score[i, k if k < count[i] - 1 else turns]
    turn_rows(z, _existing(count, valid, turns), gamma, result.reshape((rows, turns)))


@compiled
def _a2tgpo(
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
    alpha, root = own
    score = _scores(gain, reward, group, count, valid, _COLUMN, options)
    rows, turns = len(reward), score.shape[1] - 1
    sums = result.reshape((rows, turns))
    turn_rows(score[:, :turns].copy(), _existing(count - 1, valid, turns), gamma, sums)
    where = _existing(count, valid, turns)
    for i in range(rows):
        for k in range(turns):
            if where[i, k]:
                left = min(count[i] - 1, turns) - k
                sums[i, k] = alpha * sums[i, k] / root[left] + score[i, turns]
            else:
                sums[i, k] = 0.0


@compiled
def _grpo_process(x: Any, group: Any, count: Any, valid: Any, options: Any, result: Any) -> None:
    rows, turns = len(count), len(x) // max(len(count), 1)
    where, z = _existing(count, valid, turns), np.empty((rows, turns))
    relative_rows(
        x, _repeated(group, turns), group[:0], where.reshape(rows * turns), x[:0], group[:0],
        x[:0], options, z.reshape(rows * turns),
    )  # fmt: skip
    turn_rows(z, where, 1.0, result.reshape((rows, turns)))


@compiled
def _conserved_turns(
    x: Any, group: Any, count: Any, valid: Any, cap: float, options: Any, result: Any
) -> None:
    rows, turns = len(count), len(x) // max(len(count), 1)
    where = _existing(count, valid, turns).reshape(rows * turns)
    first = _repeated(group, turns)
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


def _refuse_other_sizes(name: str, x: Tensor, valid: Tensor | None, *by_row: Array) -> None:
    """Refuse rows that are not as many as those of `x`: a loop would read foreign memory."""
    rows = x.shape[0]
    for each in by_row:
        if len(each) != rows:
            raise contract_error(name, "arguments", f"of {rows} rows", f"{len(each)} rows")
    if valid is not None and len(valid) != rows:
        raise contract_error(name, "valid", f"of {rows} rows", f"{len(valid)} rows")


def gigpo(
    reward: Tensor,
    group: Tensor,
    turn_reward: Tensor,
    anchor: Tensor,
    turn_count: Tensor,
    valid: Tensor | None,
    *,
    gamma: float,
    episode_weight: float,
    step_weight: float,
    center: str,
    lone: str | None,
    scale: str | None,
    ddof: int,
    eps: float,
) -> Tensor:
    """`creditlib.gigpo` without penalties, each trajectory counted once, no turn left out."""
    rows = flat(reward, np.float64), flat(group, np.int64)
    turns = flat(turn_reward, np.float64), flat(anchor, np.int64)
    count, result = flat(turn_count, np.int64), np.empty(len(turns[0]))
    _refuse_other_sizes("gigpo", turn_reward, valid, *rows, count)
    if len(turns[1]) != len(result):
        raise contract_error("gigpo", "anchor", "like `turn_reward`", f"{len(turns[1])} values")
    _gigpo(
        *rows, *turns, count, flat(valid, np.bool_),
        float(gamma), float(episode_weight), float(step_weight),
        options_of(center, scale, ddof, float(eps), lone=lone),
        options_of("mean", scale, ddof, float(eps)), result,
    )  # fmt: skip
    return result_of(result, turn_reward.shape, reward, turn_reward)


def igpo(
    reward: Tensor,
    group: Tensor,
    information_gain: Tensor,
    turn_count: Tensor,
    valid: Tensor | None,
    *,
    pool: str,
    gamma: float,
    ddof: int,
    eps: float,
    variance_eps: float,
) -> Tensor:
    """`creditlib.igpo`."""
    options = options_of("mean", "std", ddof, float(eps), variance_eps=float(variance_eps))
    kind = _SEPARATE if pool == "separate" else _JOINT
    return _of_gains(
        _igpo, "igpo", reward, group, information_gain, turn_count, valid, kind, gamma, options
    )


def a2tgpo(
    reward: Tensor,
    group: Tensor,
    information_gain: Tensor,
    turn_count: Tensor,
    valid: Tensor | None,
    *,
    alpha: float,
    gamma: float,
    ddof: int,
    eps: float,
    variance_eps: float,
) -> Tensor:
    """`creditlib.a2tgpo`."""
    options = options_of("mean", "std", ddof, float(eps), variance_eps=float(variance_eps))
    own = float(alpha), _roots(information_gain.shape[1])
    return _of_gains(
        _a2tgpo, "a2tgpo", reward, group, information_gain, turn_count, valid, own, gamma, options
    )


@functools.lru_cache(maxsize=64)
def _roots(turns: int) -> Array:
    """The square roots of the turns still to come, at least 1, as torch rounds them."""
    left = torch.arange(turns + 1, dtype=torch.float64, device="cpu").clamp(min=1)
    return left.sqrt().numpy()


def _of_gains(
    loop: Any,
    name: str,
    reward: Tensor,
    group: Tensor,
    gain: Tensor,
    turn_count: Tensor,
    valid: Tensor | None,
    own: Any,
    gamma: float,
    options: Options,
) -> Tensor:
    """The result of a loop over gains; `own` is what the other loop does not take."""
    values, result = flat(gain, np.float64), np.empty(gain.numel())
    rows = flat(reward, np.float64), flat(group, np.int64), flat(turn_count, np.int64)
    _refuse_other_sizes(name, gain, valid, *rows)
    loop(values, *rows, flat(valid, np.bool_), own, float(gamma), options, result)
    return result_of(result, gain.shape, reward, gain)


def grpo_process(
    turn_reward: Tensor,
    group: Tensor,
    turn_count: Tensor,
    valid: Tensor | None,
    *,
    scale: str | None,
    ddof: int,
    eps: float,
) -> Tensor:
    """`creditlib.grpo_process` with any scale but that of medians."""
    values, result = flat(turn_reward, np.float64), np.empty(turn_reward.numel())
    rows = flat(group, np.int64), flat(turn_count, np.int64)
    _refuse_other_sizes("grpo_process", turn_reward, valid, *rows)
    options = options_of("mean", scale, ddof, float(eps))
    _grpo_process(values, *rows, flat(valid, np.bool_), options, result)
    return result_of(result, turn_reward.shape, turn_reward)


def conserved_turns(
    x: Tensor,
    turn_count: Tensor,
    valid: Tensor | None,
    group: Tensor | None,
    cap: float | None,
) -> Tensor:
    """`creditlib.algebra.conserved` of the turns that exist, over the batch or over groups."""
    values, result = flat(x, np.float64), np.empty(x.numel())
    ids, count = flat(group, np.int64), flat(turn_count, np.int64)
    _refuse_other_sizes("conserved", x, valid, count, *(() if group is None else (ids,)))
    most = -1.0 if cap is None else float(cap)
    _conserved_turns(values, ids, count, flat(valid, np.bool_), most, options_of(), result)
    return result_of(result, x.shape, x)
