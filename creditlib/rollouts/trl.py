"""The completion logs of TRL, as trajectories; the format is described in `docs/rollouts.md`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from creditlib.contract import ContractError
from creditlib.rollouts.prompts import PromptNumbers
from creditlib.rollouts.turns import is_number, refuse

__all__ = ["KEYS", "from_trl"]

Row = Mapping[str, Any]

KEYS = frozenset(("step", "prompt", "completion", "advantage"))


def from_trl(
    rows: Sequence[Row], places: Sequence[str], weights: Mapping[str, float] | None
) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """Trajectories, their places and notes; reward = weighted sum of the reward columns.

    A missing reward (null or NaN) is left out of its sum; a row without any has no outcome.
    `rewards`, one per column, is kept only where no value is missing in the whole log.
    """
    for row, place in zip(rows, places, strict=True):
        for key in sorted(KEYS):
            if key not in row:
                raise ContractError(f"rollouts: `{key}` must be in every row, got none in {place}.")
    weights = dict.fromkeys(_float_columns(rows), 1.0) if weights is None else weights
    if not weights:
        raise ContractError(
            "rollouts: a TRL log must have a float column between `completion` and `advantage`, "
            f"got none in {places[0]}."
        )
    for name, weight in weights.items():
        if not is_number(weight):
            raise ContractError(
                f"read: `reward_weights` must be finite numbers, got {weight!r} for `{name}`."
            )
    numbers = PromptNumbers()
    trajectories: list[dict[str, Any]] = []
    for row, place in zip(rows, places, strict=True):
        values = [_value(row, name, place) for name in weights]
        trajectories.append(
            {
                "group": f"{row['step']}/{numbers.of(row['step'], row['prompt'])}",
                "outcome": _weighted_sum(values, list(weights.values())),
                "rewards": values,
                "turns": [{"observation": row["prompt"], "text": _completion(row, place)}],
            }
        )
    if any(None in trajectory["rewards"] for trajectory in trajectories):
        for trajectory in trajectories:
            del trajectory["rewards"]
    terms = " + ".join(
        name if weight == 1 else f"{weight:g} * {name}" for name, weight in weights.items()
    )
    notes = [PromptNumbers.NOTE.format(key="prompt") + ".", f"reward = {terms}."]
    return trajectories, list(places), notes


def _float_columns(rows: Sequence[Row]) -> list[str]:
    """The columns TRL writes rewards to: floats between `completion` and `advantage`."""
    names = [name for name in rows[0] if name not in KEYS]
    return [
        name
        for name in names
        if all(row.get(name) is None or type(row[name]) is float for row in rows)
        and any(row.get(name) is not None for row in rows)
    ]


def _value(row: Row, name: str, place: str) -> float | None:
    """A reward, None where the reward function gave none; TRL writes NaN, Parquet null."""
    if name not in row:
        raise ContractError(f"rollouts: `{name}` must be in every row, got none in {place}.")
    value = row[name]
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not is_number(value):
        raise refuse(name, "a finite number or null", value, place)
    return value


def _completion(row: Row, place: str) -> str | None:
    text = row["completion"]
    if text is not None and not isinstance(text, str):
        raise refuse("completion", "a text", text, place)
    return text


def _weighted_sum(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    terms = [w * value for w, value in zip(weights, values, strict=True) if value is not None]
    return sum(terms) if terms else None
