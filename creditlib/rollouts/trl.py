"""TRL's completion logs as trajectories; `docs/rollouts.md` describes the format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from creditlib.rollouts.conversation import (
    PLACEHOLDER_NOTE,
    conversation_turns,
    has_placeholder,
)
from creditlib.rollouts.pieces import Piece, PieceFacts, Pieces, key_counts, unread_of
from creditlib.rollouts.prompts import PromptNumbers
from creditlib.rollouts.rollout_format import RolloutFormat, Row, check_steps, in_one_piece
from creditlib.rollouts.storage import Location
from creditlib.rollouts.values import is_number, score_of
from creditlib.vocabulary.messages import ContractError

__all__ = ["TRL"]

_KEYS = frozenset(("step", "prompt", "completion", "advantage"))


def _convert(
    rows: Sequence[Row],
    places: Sequence[str],
    reward_weights: Mapping[str, float],
) -> Piece:
    """One trajectory per row; its outcome is the weighted sum of the reward columns.

    A missing reward (null or NaN) is left out of its sum; a row without any has no outcome.
    """
    check_steps(rows, places)
    weights = reward_weights
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
    images = sum(
        has_placeholder(row["prompt"]) or has_placeholder(row["completion"]) for row in rows
    )
    facts = PieceFacts(keys=key_counts(rows), counts={"placeholder": images})
    return Piece(trajectories, list(places), facts)


def _notes(facts: PieceFacts, reward_weights: Mapping[str, float]) -> list[str]:
    """How rows were grouped and scored, and what was not read."""
    weights = reward_weights
    terms = " + ".join(
        name if weight == 1 else f"{weight:g} * {name}" for name, weight in weights.items()
    )
    notes = [PromptNumbers.NOTE.format(key="prompt") + ".", f"reward = {terms}."]
    if facts.counts.get("placeholder"):
        notes.append(PLACEHOLDER_NOTE)
    read = _KEYS.union(weights)
    return [*notes, *unread_of(facts, read, read)]


def _settle(
    files: Sequence[Location], rows: Iterable[tuple[str, Row]], options: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The weights given, or weight 1 for every reward column of all rows."""
    given = options.get("reward_weights")
    weights = _float_columns(rows) if given is None else given
    for name, weight in weights.items():
        if not is_number(weight):
            raise ContractError(
                f"read: `reward_weights` must be finite numbers, got {weight!r} for `{name}`."
            )
    return {"reward_weights": weights}


def _float_columns(rows: Iterable[tuple[str, Row]]) -> dict[str, float]:
    """The columns TRL writes rewards to, floats between `completion` and `advantage`, as weights.

    JSON writes a float without a fraction as an integer, so one float makes a column of floats.
    """
    kinds: dict[str, set[type]] = {}
    first = ""
    for place, row in rows:
        if not first:
            first, kinds = place, {name: set() for name in row if name not in _KEYS}
        for name, found in kinds.items():
            found.add(type(row.get(name)))
    rewards = [
        name
        for name, found in kinds.items()
        if float in found and found <= {float, int, type(None)}
    ]
    if not rewards:
        raise ContractError(
            "rollouts: a TRL log must have a float column between `completion` and `advantage`, "
            f"got none in {first}."
        )
    return dict.fromkeys(rewards, 1.0)


def _value(row: Row, name: str, place: str) -> float | None:
    """A reward, None where the reward function gave none; TRL writes NaN, Parquet null."""
    if name not in row:
        raise ContractError(f"rollouts: `{name}` must be in every row, got none in {place}.")
    return score_of(row[name], name, place)


def _weighted_sum(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    terms = [w * value for w, value in zip(weights, values, strict=True) if value is not None]
    return sum(terms) if terms else None


_PIECES = Pieces(_convert, _notes, _settle, together=lambda row: row["step"])
TRL = RolloutFormat(
    name="trl",
    keys=_KEYS,
    convert=in_one_piece(_PIECES),
    pieces=_PIECES,
    options=("reward_weights",),
    written_by="TRL's `log_completions=True`",
)
