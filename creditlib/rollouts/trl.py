"""TRL's completion logs as trajectories; `docs/rollouts.md` describes the format."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from creditlib.rollouts.prompts import PromptNumbers
from creditlib.rollouts.rollout_format import Converted, RolloutFormat, Row
from creditlib.rollouts.turns import is_number, schema_error
from creditlib.vocabulary.messages import ContractError

__all__ = ["TRL"]

_KEYS = frozenset(("step", "prompt", "completion", "advantage"))


def _convert(
    rows: Sequence[Row],
    places: Sequence[str],
    reward_weights: Mapping[str, float] | None = None,
) -> Converted:
    """One trajectory per row; its outcome is the weighted sum of the reward columns.

    A missing reward (null or NaN) is left out of its sum; a row without any has no outcome.
    `rewards`, one per column, is kept only where no value is missing in the whole log.
    """
    weights = _checked_weights(rows, places, reward_weights)
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
    return Converted(trajectories, places, notes)


def _checked_weights(
    rows: Sequence[Row], places: Sequence[str], given: Mapping[str, float] | None
) -> Mapping[str, float]:
    """The weights given, or weight 1 for every reward column."""
    weights = dict.fromkeys(_float_columns(rows), 1.0) if given is None else given
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
    return weights


def _float_columns(rows: Sequence[Row]) -> list[str]:
    """The columns TRL writes rewards to: floats between `completion` and `advantage`."""
    names = [name for name in rows[0] if name not in _KEYS]
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
        raise schema_error(name, "a finite number or null", value, place)
    return value


def _completion(row: Row, place: str) -> str | None:
    text = row["completion"]
    if text is not None and not isinstance(text, str):
        raise schema_error("completion", "a text", text, place)
    return text


def _weighted_sum(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    terms = [w * value for w, value in zip(weights, values, strict=True) if value is not None]
    return sum(terms) if terms else None


TRL = RolloutFormat(
    name="trl",
    keys=_KEYS,
    convert=_convert,
    options=("reward_weights",),
    written_by="TRL's `log_completions=True`",
)
