"""Why a turn has its credit: the group and the turns that it is compared with."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from creditlib.algebra import returns_to_go, valid_turns, wide
from creditlib.registry import resolve
from creditlib.report.credit_columns import Estimator
from creditlib.rollouts import Rollouts

__all__ = [
    "Peers",
    "Reads",
    "Spread",
    "discounted_returns",
    "peers_of_group",
    "reads_of",
    "spread_of",
]

Array: TypeAlias = "np.ndarray[Any, Any]"


class Reads(NamedTuple):
    """What an estimator compares a turn with.

    group: the other trajectories of its group. anchor: the turns of the group with the same
    observation. gamma: the discount of the returns of these turns. options: those that were passed,
    such as "leave_out='trajectory', scale=None".
    """

    group: bool
    anchor: bool
    gamma: float
    options: str


class Spread(NamedTuple):
    """How many numbers there are, their mean and standard deviation (n − 1), None if undefined."""

    size: int
    mean: float | None
    std: float | None


@dataclass(frozen=True)
class Peers:
    """The turns of a group that have one observation, as (row, turn), and their returns.

    trajectories: how many trajectories they belong to. returns: by the gamma of `reads_of`.
    """

    turns: Sequence[tuple[int, int]]
    trajectories: int
    returns: Mapping[float, Spread]


def reads_of(estimator: Estimator, options: Mapping[str, Any] | None = None) -> Reads:
    """What an estimator compares a turn with, from its signature and options.

    Without an option `gamma`, returns are plain sums.

    >>> reads_of("gigpo")
    Reads(group=True, anchor=True, gamma=0.95, options='')
    >>> reads_of("gigpo", {"gamma": 0.5, "scale": None})
    Reads(group=True, anchor=True, gamma=0.5, options='gamma=0.5, scale=None')
    """
    given = options or {}
    parameters = inspect.signature(resolve(estimator)).parameters
    default = parameters["gamma"].default if "gamma" in parameters else 1.0
    gamma = given.get("gamma", default)
    gamma = float(gamma) if isinstance(gamma, (int, float)) and 0 <= gamma <= 1 else 1.0
    passed = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return Reads("group" in parameters, "anchor" in parameters, gamma, passed)


def spread_of(values: Array) -> Spread:
    """Mean and standard deviation of finite numbers.

    >>> spread_of(np.array([1.0, 0.0])), spread_of(np.array([2.0]))
    (Spread(size=2, mean=0.5, std=0.7071067811865476), Spread(size=1, mean=2.0, std=None))
    """
    if not len(values):
        return Spread(0, None, None)
    std = float(values.std(ddof=1)) if len(values) > 1 else None
    return Spread(len(values), float(values.mean()), std)


def discounted_returns(rollouts: Rollouts, gamma: float) -> Array:
    """What each turn earned from here on, float64[batch turn]: G[k] = reward[k] + gamma · G[k+1].

    >>> from creditlib.rollouts import from_trajectories
    >>> turns = [{"reward": 0.0}, {"reward": 1.0}]
    >>> discounted_returns(from_trajectories([{"group": 0, "outcome": 1.0, "turns": turns}]), 0.5)
    array([[0.5, 1. ]])
    """
    reward = rollouts.tensors["turn_reward"]
    where = valid_turns(rollouts.tensors["turn_count"], reward.shape[1], None)
    return returns_to_go(wide(reward), where, gamma).double().numpy()


def peers_of_group(
    rollouts: Rollouts, rows: Sequence[int], returns: Mapping[float, Array]
) -> list[Peers]:
    """The turns of a group by observation; of trajectories without an outcome there are none.

    Observations stand in the order in which their turns do. `returns` are those of
    `discounted_returns`, by gamma. A turn without an observation has no peers.

    >>> from creditlib.rollouts import from_trajectories
    >>> seen = [{"observation": "hall"}, {"observation": "attic"}]
    >>> batch = from_trajectories([
    ...     {"group": 0, "outcome": 1.0, "turns": seen},
    ...     {"group": 0, "outcome": 0.0, "turns": seen[:1]},
    ... ])
    >>> hall, attic = peers_of_group(batch, [0, 1], {1.0: discounted_returns(batch, 1.0)})
    >>> hall.turns, hall.trajectories, hall.returns[1.0].mean
    ([(0, 0), (1, 0)], 2, 0.5)
    """
    anchor = rollouts.tensors.get("anchor")
    if anchor is None:
        return []
    found: dict[int, list[tuple[int, int]]] = {}
    for row in rows:
        if not rollouts.tensors["valid"][row]:
            continue
        ids: list[int] = anchor[row, : rollouts.tensors["turn_count"][row]].tolist()
        for turn, each in enumerate(ids):
            if each >= 0:
                found.setdefault(each, []).append((row, turn))
    return [_peers(turns, returns) for turns in found.values()]


def _peers(turns: Sequence[tuple[int, int]], returns: Mapping[float, Array]) -> Peers:
    row, turn = np.array(turns).T
    spreads = {gamma: spread_of(table[row, turn]) for gamma, table in returns.items()}
    return Peers(turns, len(set(row.tolist())), spreads)
