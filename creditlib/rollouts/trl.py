"""TRL's completion logs as trajectories; `docs/rollouts.md` describes the format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from creditlib.rollouts.conversation import (
    PLACEHOLDER_NOTE,
    conversation_turns,
    has_placeholder,
)
from creditlib.rollouts.prompts import PromptNumbers
from creditlib.rollouts.rollout_format import Converted, RolloutFormat, Row, check_steps
from creditlib.rollouts.schema import unread_keys, unread_note
from creditlib.rollouts.values import is_number, score_of
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
    """
    check_steps(rows, places)
    weights = _checked_weights(rows, places, reward_weights)
    numbers = PromptNumbers()
    trajectories: list[dict[str, Any]] = []
    for row, place in zip(rows, places, strict=True):
        values = [_value(row, name, place) for name in weights]
        turns = conversation_turns(row["prompt"], row["completion"], place)
        trajectories.append(
            {
                "group": f"{row['step']}/{numbers.of(row['step'], row['prompt'])}",
                "outcome": _weighted_sum(values, list(weights.values())),
                "rewards": values,
                "turns": turns,
            }
        )
    return Converted(trajectories, places, _notes(rows, weights))


def _notes(rows: Sequence[Row], weights: Mapping[str, float]) -> list[str]:
    """How rows were grouped and scored, and what was not read."""
    terms = " + ".join(
        name if weight == 1 else f"{weight:g} * {name}" for name, weight in weights.items()
    )
    notes = [PromptNumbers.NOTE.format(key="prompt") + ".", f"reward = {terms}."]
    if any(has_placeholder(row["prompt"]) or has_placeholder(row["completion"]) for row in rows):
        notes.append(PLACEHOLDER_NOTE)
    read = _KEYS.union(weights)
    unread = unread_note([("row", unread_keys(rows, read))], {"row": read})
    return [*notes, unread] if unread else notes


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
    """The columns TRL writes rewards to: floats between `completion` and `advantage`.

    JSON writes a float without a fraction as an integer, so one float makes a column of floats.
    """
    found: list[str] = []
    for name in rows[0]:
        kinds = {type(row.get(name)) for row in rows}
        if name not in _KEYS and float in kinds and kinds <= {float, int, type(None)}:
            found.append(name)
    return found


def _value(row: Row, name: str, place: str) -> float | None:
    """A reward, None where the reward function gave none; TRL writes NaN, Parquet null."""
    if name not in row:
        raise ContractError(f"rollouts: `{name}` must be in every row, got none in {place}.")
    return score_of(row[name], name, place)


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
