"""Logs of Inspect evaluations as trajectories: a sample in an epoch is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from creditlib.rollouts.chat import group_at
from creditlib.rollouts.conversation import dialogue_turns
from creditlib.rollouts.key_names import Found, KeyNames, used_keys, value_at
from creditlib.rollouts.message_forms import as_messages
from creditlib.rollouts.pieces import Piece, PieceFacts, Pieces
from creditlib.rollouts.rollout_format import RolloutFormat, Row, in_one_piece
from creditlib.rollouts.values import items_of, schema_error, score_of
from creditlib.rollouts.whole_keys import common_reward_notes, with_whole_keys

__all__ = ["INSPECT"]

_KEYS: dict[str, Sequence[str]] = {
    "group": ("id",),
    "outcome": (),
    "messages": ("messages",),
    "id": ("uuid",),
}
# What a scorer writes for correct, incorrect, partially correct and no answer.
_GRADES = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}


def _convert(
    rows: Sequence[Row], places: Sequence[str], keys: Mapping[str, str] | None = None
) -> Piece:
    """One trajectory per sample; each message of the assistant is a turn."""
    names = KeyNames(_KEYS, keys)
    found: list[dict[str, Any]] = []
    own_places: list[str] = []
    for row, place in zip(rows, places, strict=True):
        samples = items_of(row["samples"])
        if samples is None:
            raise schema_error("samples", "a list of objects", row["samples"], place)
        for number, sample in enumerate(samples):
            where = f"{place} samples[{number}]"
            if not isinstance(sample, Mapping):
                raise schema_error("samples", "a list of objects", sample, where)
            found.append(_trajectory(cast("Row", sample), where, names))
            own_places.append(where)
    return Piece(found, own_places, with_whole_keys(PieceFacts(names.used), found, rewards=True))


def _notes(facts: PieceFacts, keys: Mapping[str, str] | None = None) -> list[str]:
    return [*used_keys(facts), *common_reward_notes(facts)]


def _trajectory(row: Row, place: str, names: KeyNames) -> dict[str, Any]:
    scores = _scores(row, place)
    given = names.find(row, "outcome", place)
    if given is None and (names.is_given("outcome") or len(scores) > 1):
        listed = ", ".join(f"scores.{name}.value" for name in scores) or "none"
        raise names.missing({listed: None}, "outcome", "the score of a sample", place)
    outcome = given or Found("scores", None)
    if given is None and scores:
        only, score = next(iter(scores.items()))
        outcome = names.use("outcome", Found(f"scores.{only}.value", score), place)
    group = group_at(names.find(row, "group", place), place)
    if group is None:
        raise names.missing(row, "group", "the task of a sample", place)
    messages = names.find(row, "messages", place)
    dialogue = as_messages([] if messages is None else messages.value, "messages", place)
    trajectory: dict[str, Any] = {
        "group": group,
        "outcome": _score(outcome.value, outcome.key, place),
        "rewards": scores,
        "turns": dialogue_turns(dialogue, "messages", place),
    }
    name = names.find(row, "id", place)
    if name is not None and isinstance(name.value, (str, int)):
        trajectory["id"] = name.value
    return trajectory


def _scores(row: Row, place: str) -> dict[str, float | None]:
    """The values of the scorers by name; one whose value is no number has none."""
    scores = row.get("scores")
    if scores is None:
        return {}
    if not isinstance(scores, Mapping):
        raise schema_error("scores", "an object of scores", scores, place)
    found: dict[str, float | None] = {}
    for name, score in cast("Row", scores).items():
        if score is not None and not isinstance(score, Mapping):
            raise schema_error(f"scores.{name}", "an object with a `value`", score, place)
        value = value_at(cast("Row", score or {}), "value")
        if value is not None and not isinstance(value.value, (Mapping, list)):
            found[name] = _score(value.value, f"scores.{name}.value", place)
    return found


def _score(value: object, key: str, place: str) -> float | None:
    if isinstance(value, str) and value in _GRADES:
        return _GRADES[value]
    return score_of(value, key, place)


_PIECES = Pieces(_convert, _notes)
INSPECT = RolloutFormat(
    name="inspect",
    keys=frozenset(("eval", "samples")),
    convert=in_one_piece(_PIECES),
    pieces=_PIECES,
    options=("keys",),
    written_by="Inspect's logs in JSON (`inspect log dump`)",
    sources={
        "anchor": "the messages before each message of the assistant",
        "rewards": "the samples' `scores`, where all have the same names",
    },
)
