"""Turn-level methods as one compiled loop each: tensors in, tensors out.

`numba_rows` and `numba_state_rows` hold the loops. Both ways, loop and steps, give the same bits.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.ops.backend.numba_arrays import Array, flat, result_of
from creditlib.ops.fused.numba_rows import (
    JOINT,
    SEPARATE,
    a2tgpo_rows,
    conserved_rows,
    gigpo_rows,
    grpo_process_rows,
    igpo_rows,
)
from creditlib.ops.fused.numba_state_rows import action_margin_rows, hgpo_rows
from creditlib.ops.groups.numba_loops import Options, options_of
from creditlib.vocabulary.messages import contract_error

__all__ = ["a2tgpo", "action_margin", "conserved_turns", "gigpo", "grpo_process", "hgpo", "igpo"]


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
    gigpo_rows(
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
    kind = SEPARATE if pool == "separate" else JOINT
    return _of_gains(
        igpo_rows, "igpo", reward, group, information_gain, turn_count, valid, kind, gamma, options
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
        a2tgpo_rows,
        "a2tgpo",
        reward,
        group,
        information_gain,
        turn_count,
        valid,
        own,
        gamma,
        options,
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
    grpo_process_rows(values, *rows, flat(valid, np.bool_), options, result)
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
    conserved_rows(values, ids, count, flat(valid, np.bool_), most, options_of(), result)
    return result_of(result, x.shape, x)


def _refuse_other_turns(name: str, x: Tensor, **others: Array) -> None:
    for argument, each in others.items():
        if len(each) != x.numel():
            wanted = f"of shape {tuple(x.shape)}"
            raise contract_error(name, argument, wanted, f"{len(each)} values")


def hgpo(
    turn_reward: Tensor,
    reward: Tensor | None,
    group: Tensor,
    anchor: Tensor,
    turn_count: Tensor,
    valid: Tensor | None,
    *,
    history: int,
    gamma: float,
    length_weight: float,
    scale: str | None,
    ddof: int,
    eps: float,
) -> Tensor:
    """`creditlib.hgpo` without a base; there `reward` has a part in the dtype only."""
    values, ids = flat(turn_reward, np.float64), flat(anchor, np.int64)
    rows, result = (flat(group, np.int64), flat(turn_count, np.int64)), np.empty(len(values))
    _refuse_other_sizes("hgpo", turn_reward, valid, *rows)
    _refuse_other_turns("hgpo", turn_reward, anchor=ids)
    weights = np.array([float(size + 1) ** length_weight for size in range(1, history + 2)])
    options = options_of("mean", scale, ddof, float(eps))
    hgpo_rows(
        values, rows[0], ids, rows[1], flat(valid, np.bool_), float(gamma), weights, options, result
    )
    return result_of(result, turn_reward.shape, turn_reward, *([] if reward is None else [reward]))


def action_margin(
    reward: Tensor,
    group: Tensor,
    anchor: Tensor,
    action: Tensor,
    turn_count: Tensor,
    valid: Tensor | None,
    *,
    gamma: float,
    prior: float,
    eps: float,
) -> Tensor:
    """`creditlib.action_margin`."""
    rows = flat(reward, np.float64), flat(group, np.int64)
    turns, count = (flat(anchor, np.int64), flat(action, np.int64)), flat(turn_count, np.int64)
    _refuse_other_sizes("action_margin", anchor, valid, *rows, count)
    _refuse_other_turns("action_margin", anchor, action=turns[1])
    result = np.empty(len(turns[0]))
    action_margin_rows(
        *rows, *turns, count, flat(valid, np.bool_), float(gamma), float(prior), eps, options_of(),
        result,
    )  # fmt: skip
    return result_of(result, anchor.shape, reward)
