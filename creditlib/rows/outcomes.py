"""The outcome of a trajectory of several rows: how their rewards become one number.

A reward that lies on an earlier row, or on a row that `keep` leaves out, is part of the trajectory.
It counts by a rule that the caller names, or the call is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.ops.precision import wide
from creditlib.rows.row_index import Trajectory
from creditlib.vocabulary.messages import contract_error, describe_value, did_you_mean

__all__ = ["OUTCOMES", "check_rule", "row_rewards", "trajectory_outcomes"]

OUTCOMES = ("last", "sum", "mean", "same")
_NUMBERS = frozenset((float, int, bool, type(None)))
_TURNS = "rewards of turns are the column `turn_reward`"


def check_rule(function: str, rule: object) -> str | None:
    """A rule of `OUTCOMES` or None; another value is refused.

    >>> check_rule("read_rows", "sum")
    'sum'
    """
    if rule is None or (isinstance(rule, str) and rule in OUTCOMES):
        return rule
    fact = f"{rule!r}{did_you_mean(rule, OUTCOMES)}"
    wanted = "None, " + ", ".join(repr(each) for each in OUTCOMES[:-1]) + f" or {OUTCOMES[-1]!r}"
    raise contract_error(function, "outcome", wanted, fact)


def row_rewards(reward: Any, rows: int, device: torch.device) -> Tensor:
    """float64[row] on a device; NaN for an unscored row.

    >>> row_rewards([1, None, True], 3, torch.device("cpu"))
    tensor([1., nan, 1.], dtype=torch.float64)
    """
    given = reward
    if isinstance(reward, np.ndarray) and reward.dtype.kind in "biuf":
        reward = torch.from_numpy(np.ascontiguousarray(cast("Any", reward)))
    if not isinstance(reward, Tensor):
        if not _NUMBERS.issuperset(map(type, reward)):
            reward = [_number(row, each) for row, each in enumerate(reward)]
        numbers = [math.nan if each is None else each for each in reward]
        reward = torch.tensor(numbers, dtype=torch.float64, device="cpu")
    if reward.shape != (rows,) or reward.is_complex():
        fact = describe_value(given if isinstance(given, Tensor) else reward)
        raise contract_error("read_rows", "reward", f"float[row] of {rows} rows", fact)
    found = wide(reward.detach().to(device))
    if bool(found.isinf().any()):
        row = int(found.isinf().nonzero()[0])
        raise contract_error(
            "read_rows", "reward", "finite, or None or NaN", f"{found[row]} in row {row}"
        )
    return found


def _number(row: int, value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        fact = f"{value!r}" if isinstance(value, (str, bytes)) else describe_value(value)
        raise contract_error("read_rows", "reward", "a number or None", f"{fact} in row {row}")
    return float(value)


def trajectory_outcomes(
    trajectories: Sequence[Trajectory], reward: Sequence[float], rule: str | None
) -> list[float]:
    """The outcome of each trajectory by a rule; NaN if it is unscored. See `read_rows`.

    >>> from creditlib.rows.row_index import trajectories_of_rows
    >>> found = trajectories_of_rows(["a", "a", "b"], None, [True] * 3)
    >>> trajectory_outcomes(found, [0.25, 1.0, 0.0], "sum")
    [1.25, 0.0]
    """
    return [
        reward[own.order[0]] if len(own.order) == 1 else _outcome(own, reward, rule)
        for own in trajectories
    ]


def _outcome(own: Trajectory, reward: Sequence[float], rule: str | None) -> float:
    """A row that was left out counts if it earned something, or if no kept row is scored."""
    order = own.order
    last = reward[order[-1]]
    if rule != "sum" and not own.left_out and all(reward[row] == last for row in order):
        return last
    if own.left_out:
        out = set(own.left_out)
        scored = any(reward[row] == reward[row] for row in order if row not in out)
        order = [
            row
            for row in order
            if row not in out or (reward[row] == reward[row] and (reward[row] != 0 or not scored))
        ]
    counted = [row for row in order if reward[row] == reward[row]]
    if not counted:
        return math.nan
    if rule == "sum":
        return math.fsum(reward[row] for row in counted)
    if rule == "mean":  # about one of them, so that equal rewards have exactly their value
        pivot = reward[counted[0]]
        return pivot + math.fsum(reward[row] - pivot for row in counted) / len(counted)
    last = reward[order[-1]]
    if rule == "last" or (rule is None and last != last):
        return last
    return _only_outcome(own, reward, counted, rule)


def _only_outcome(
    own: Trajectory, reward: Sequence[float], counted: list[int], rule: str | None
) -> float:
    """The one reward there is: the rows agree. Without a rule, 0 before the last row agrees too."""
    out = set(own.left_out)
    agreeing = counted
    if rule is None:
        kept = [row for row in counted if row not in out] or counted
        others = [row for row in counted if row not in kept]
        earlier = any(reward[row] != 0 for row in kept[:-1])
        agreeing = [*(kept if earlier else kept[-1:]), *others]
        if others and not earlier and reward[kept[-1]] == 0:  # only rows left out earned anything
            agreeing = others
    last = agreeing[-1]
    other = next((row for row in agreeing if reward[row] != reward[last]), None)
    if other is None:
        return reward[last]
    first, second = sorted((other, last))
    raise _several_outcomes(first, second, reward, rule, out)


def _several_outcomes(
    first: int, second: int, reward: Sequence[float], rule: str | None, out: set[int]
) -> Exception:
    wanted = "the same in all scored rows of a trajectory"
    choices = '"last", "sum" or "mean"'
    if rule is None:
        wanted, choices = f"{wanted}, or 0 before the last", '"last", "sum", "mean" or "same"'
    named = (f"{reward[row]:g} in row {row}" for row in (first, second))
    fact = " and ".join(named)
    left = [str(row) for row in (first, second) if row in out]
    fact += f" (`keep` leaves out row {left[0]})" if left else ""
    return contract_error(
        "read_rows", "reward", wanted, fact, f"say `outcome`: {choices}; {_TURNS}"
    )
