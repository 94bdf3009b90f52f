"""Trajectories as plain dictionaries into the tensors of the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from creditlib.inputs.ids import anchor_ids, ids
from creditlib.rollouts.turns import (
    Turns,
    is_count,
    is_number,
    items_of,
    schema_error,
    turn_tensors,
)
from creditlib.vocabulary.messages import ContractError

__all__ = ["Rollouts", "from_trajectories"]

Trajectory = Mapping[str, Any]


@dataclass(frozen=True)
class Rollouts:
    """A batch of trajectories: tensors for the estimators, texts for a reader.

    tensors: what `creditlib.apply` takes; a tensor exists only if every trajectory or turn had
        the key.
    trajectories: the rows as read, in the schema of `docs/rollouts.md`.
    places: where each row was read, such as 'run/1.jsonl line 3'.
    notes: what the reader had to decide, one sentence each.
    """

    tensors: Mapping[str, Tensor]
    trajectories: Sequence[Trajectory]
    places: Sequence[str]
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> dict[str | int, list[int]]:
        """The rows of every group, groups in order of first appearance."""
        found: dict[str | int, list[int]] = {}
        for row, trajectory in enumerate(self.trajectories):
            found.setdefault(trajectory["group"], []).append(row)
        return found


def from_trajectories(
    trajectories: Sequence[Trajectory],
    *,
    similarity: float | None = None,
    places: Sequence[str] | None = None,
    notes: tuple[str, ...] = (),
) -> Rollouts:
    """Tensors from trajectories in memory, in the schema of `docs/rollouts.md`.

    Every key is checked; the error names the first key that breaks its contract, and its place.

    Options:
        similarity: observations of a group that are at least this similar share an anchor, see
            `anchor_ids`; None asks for equality.
        places, notes: as in `Rollouts`.

    >>> rollouts = from_trajectories([
    ...     {"group": "7*8", "outcome": 1.0, "turns": [{"reward": 0.0}, {"reward": 1.0}]},
    ...     {"group": "7*8", "outcome": None, "turns": [{"reward": 0.5}]},
    ... ])
    >>> rollouts.tensors["turn_reward"]
    tensor([[0.0000, 1.0000],
            [0.5000, 0.0000]])
    >>> rollouts.tensors["valid"]
    tensor([ True, False])
    """
    if places is None:
        places = [f"trajectory {row}" for row in range(1, len(trajectories) + 1)]
    for trajectory, place in zip(trajectories, places, strict=True):
        _check_trajectory(trajectory, place)
    turns = Turns(
        [turn for trajectory in trajectories for turn in trajectory["turns"]],
        [len(trajectory["turns"]) for trajectory in trajectories],
        places,
    )
    outcomes = [trajectory["outcome"] for trajectory in trajectories]
    tensors: dict[str, Tensor] = {
        "reward": torch.tensor([outcome or 0.0 for outcome in outcomes], dtype=torch.float32),
        "valid": torch.tensor([outcome is not None for outcome in outcomes], dtype=torch.bool),
        "group": ids([trajectory["group"] for trajectory in trajectories]),
        "turn_count": turns.count,
    }
    tensors |= turn_tensors(turns, tensors["reward"])
    seen = [[turn.get("observation") for turn in row["turns"]] for row in trajectories]
    if any(observation is not None for row in seen for observation in row):
        names = [trajectory["group"] for trajectory in trajectories]
        try:
            tensors["anchor"] = anchor_ids(seen, group=names, similarity=similarity)
        except RecursionError:
            raise ContractError(
                "rollouts: `observation` must be JSON of moderate depth, got one nested too deeply."
            ) from None
    rewards = _rewards(trajectories, places)
    if rewards is not None:
        tensors["rewards"] = rewards
    length = _length(trajectories, places, tensors.get("turn_length"))
    if length is not None:
        tensors["length"] = length
    return Rollouts(tensors, list(trajectories), places, notes)


def _check_trajectory(trajectory: Trajectory, place: str) -> None:
    if not isinstance(trajectory, Mapping):
        kind = type(trajectory).__name__
        raise ContractError(f"rollouts: a trajectory must be a mapping, got {kind} in {place}.")
    for key in ("group", "outcome", "turns"):
        if key not in trajectory:
            raise ContractError(
                f"rollouts: `{key}` must be in every trajectory, got none in {place}."
            )
    group, outcome, turns = (
        trajectory["group"],
        trajectory["outcome"],
        items_of(trajectory["turns"]),
    )
    if not isinstance(group, (str, int)) or isinstance(group, bool):
        raise schema_error("group", "a text or an integer", group, place)
    if outcome is not None and not is_number(outcome):
        raise schema_error("outcome", "a finite number or null", outcome, place)
    if turns is None:
        raise schema_error("turns", "a list of objects", trajectory["turns"], place)
    for number, turn in enumerate(turns):
        if not isinstance(turn, Mapping):
            raise schema_error("turns", "a list of objects", turn, f"{place} turn {number}")
        text = cast("Trajectory", turn).get("text")
        if text is not None and not isinstance(text, str):
            raise schema_error("text", "a text", text, f"{place} turn {number}")


def _length(
    trajectories: Sequence[Trajectory], places: Sequence[str], turn_length: Tensor | None
) -> Tensor | None:
    """Tokens per trajectory: stated, or the sum over its turns; where both, they must agree."""
    summed = None if turn_length is None else turn_length.sum(dim=1)
    stated = [trajectory.get("length") for trajectory in trajectories]
    if all(length is None for length in stated):
        return summed
    sums: list[Any] = [None] * len(stated)
    if summed is not None:
        sums = cast("list[Any]", summed.tolist())  # pyright: ignore[reportUnknownMemberType]
    for length, total, place in zip(stated, sums, places, strict=True):
        if length is None:
            raise ContractError(
                f"rollouts: `length` must be in every trajectory or in none, got none in {place}."
            )
        if not is_count(length):
            raise schema_error("length", "a whole number, at least 0", length, place)
        if total is not None and length != total:
            contract = f"the sum of its turns' token counts, {total}"
            raise schema_error("length", contract, length, place)
    return torch.tensor(stated, dtype=torch.int64)


def _rewards(trajectories: Sequence[Trajectory], places: Sequence[str]) -> Tensor | None:
    """[batch objective], the outcome under each objective; a row without an outcome needs none."""
    stated = [trajectory.get("rewards") for trajectory in trajectories]
    given = [values for values in stated if values is not None]
    if not given:
        return None
    size = len(items_of(given[0]) or ())
    contract = f"a list of {size} finite numbers" if size else "a list of finite numbers"
    found: list[Sequence[float]] = []
    for values, trajectory, place in zip(stated, trajectories, places, strict=True):
        listed = items_of(values) or ()
        if values is None and trajectory["outcome"] is None:
            listed = [0.0] * size
        if not len(listed) == size > 0 or not all(is_number(value) for value in listed):
            raise schema_error("rewards", contract, values, place)
        found.append(listed)
    return torch.tensor(found, dtype=torch.float32)
