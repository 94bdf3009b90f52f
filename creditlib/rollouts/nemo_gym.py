"""NeMo Gym's rollouts as trajectories: the items of `response.output`, flattened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from creditlib.rollouts.chat import group_at
from creditlib.rollouts.conversation import dialogue_turns
from creditlib.rollouts.key_names import KeyNames, read_keys, used_keys
from creditlib.rollouts.message_forms import response_messages
from creditlib.rollouts.pieces import Piece, PieceFacts, Pieces, key_counts, unread_of
from creditlib.rollouts.prompt_names import PROMPT_NOTE, prompt_name
from creditlib.rollouts.rollout_format import RolloutFormat, Row, in_one_piece
from creditlib.rollouts.values import schema_error, score_of
from creditlib.rollouts.whole_keys import whole_key_notes, with_whole_keys

__all__ = ["NEMO_GYM"]

_INPUT, _OUTPUT = "responses_create_params.input", "response.output"
_KEYS: dict[str, Sequence[str]] = {
    "group": ("_ng_task_index", "task_idx", "instance_id"),
    "outcome": ("reward",),
    "id": (),  # a file of several runs has equal numbers of rollouts
}
_TOKENS = "`generation_token_ids` of the items of `response.output`"


def _convert(
    rows: Sequence[Row], places: Sequence[str], keys: Mapping[str, str] | None = None
) -> Piece:
    """One trajectory per row: each answer of the model is a turn."""
    names = KeyNames(_KEYS, keys)
    found = [_trajectory(row, place, names) for row, place in zip(rows, places, strict=True)]
    prompts = sum(str(row["group"]).startswith("prompt ") for row in found)
    facts = PieceFacts(names.used, keys=key_counts(rows), counts={"prompts": prompts})
    return Piece(found, list(places), with_whole_keys(facts, found, ["tokens"]))


def _notes(facts: PieceFacts, keys: Mapping[str, str] | None = None) -> list[str]:
    notes = used_keys(facts)
    if facts.counts.get("prompts"):
        notes.append(PROMPT_NOTE + ".")
    notes += whole_key_notes(facts, {"tokens": _TOKENS})
    read = read_keys(facts) | {"responses_create_params", "response", "_ng_rollout_index"}
    return notes + unread_of(facts, read)


def _trajectory(row: Row, place: str, names: KeyNames) -> dict[str, Any]:
    outcome = names.find(row, "outcome", place)
    if outcome is None:
        raise names.missing(row, "outcome", "the reward of a row", place)
    asked = _part(row, "responses_create_params", "input", place)
    prompt = response_messages(asked or [], _INPUT, place).messages
    written = response_messages(_part(row, "response", "output", place) or [], _OUTPUT, place)
    turns = dialogue_turns(written.messages, _OUTPUT, place, before=prompt, before_key=_INPUT)
    for turn, ids in zip(turns, written.tokens, strict=True):
        if ids is not None:
            turn["tokens"] = ids
    group = group_at(names.find(row, "group", place), place)
    trajectory: dict[str, Any] = {
        "group": prompt_name(asked) if group is None else group,
        "outcome": score_of(outcome.value, outcome.key, place),
        "turns": turns,
    }
    name = names.find(row, "id", place)
    if name is not None and isinstance(name.value, (str, int)):
        trajectory["id"] = name.value
    return trajectory


def _part(row: Row, outer: str, inner: str, place: str) -> Any:
    """The value of `outer.inner`, None where either is null."""
    whole = row[outer]
    if whole is None:
        return None
    if not isinstance(whole, Mapping):
        raise schema_error(outer, f"an object with the key `{inner}`, or null", whole, place)
    return cast("Row", whole).get(inner)


_PIECES = Pieces(_convert, _notes)
NEMO_GYM = RolloutFormat(
    name="nemo_gym",
    keys=frozenset(("responses_create_params", "response")),
    convert=in_one_piece(_PIECES),
    pieces=_PIECES,
    options=("keys",),
    written_by="NeMo Gym's rollout collection",
    sources={
        "anchor": "the items before each answer in `response.output`",
        "turn_length": _TOKENS,
        "length": _TOKENS,
    },
)
