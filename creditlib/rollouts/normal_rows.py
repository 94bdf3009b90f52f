"""Trajectories with an integer or a text as group, a number or None as outcome, and a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from creditlib.rollouts.schema import TRAJECTORY_KEYS, similar_key
from creditlib.rollouts.values import LARGEST, items_of, plain_value, schema_error, score_of
from creditlib.vocabulary.messages import ContractError

__all__ = ["normal_row"]

Trajectory = Mapping[str, Any]


def normal_row(trajectory: Trajectory, place: str) -> Trajectory:
    """A trajectory with an integer or a text as group, a number or None as outcome, and a list.

    One that is so already stays the object that it is.

    >>> normal_row({"group": 1, "outcome": True, "turns": ()}, "x.jsonl line 1")
    {'group': 1, 'outcome': 1.0, 'turns': ()}
    """
    if not isinstance(trajectory, Mapping):
        kind = type(trajectory).__name__
        raise ContractError(f"rollouts: a trajectory must be a mapping, got {kind} in {place}.")
    for key in ("group", "outcome", "turns"):
        if key not in trajectory:
            near = similar_key(key, trajectory, TRAJECTORY_KEYS)
            end = f"; it has `{near}`" if near else ""
            raise ContractError(
                f"rollouts: `{key}` must be in every trajectory, got none in {place}{end}."
            )
    group, outcome, turns = trajectory["group"], trajectory["outcome"], trajectory["turns"]
    if type(outcome) not in (float, int) or not -LARGEST <= outcome <= LARGEST:
        outcome = score_of(outcome, "outcome", place)
    if type(group) not in (str, int):
        group = plain_value(group)
        if not isinstance(group, (str, int)) or isinstance(group, bool):
            raise schema_error("group", "a text or an integer", trajectory["group"], place)
    if type(turns) is not list:
        turns = items_of(turns)
        if turns is None:
            raise schema_error("turns", "a list of objects", trajectory["turns"], place)
    same = group is trajectory["group"] and turns is trajectory["turns"]
    if same and outcome is trajectory["outcome"]:
        return trajectory
    return {**trajectory, "group": group, "outcome": outcome, "turns": turns}
