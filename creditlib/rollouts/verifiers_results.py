"""Results of verifiers' evaluations as trajectories: one file with a list of `outputs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from creditlib.rollouts.chat import group_at
from creditlib.rollouts.conversation import dialogue_turns
from creditlib.rollouts.key_names import KeyNames, used_keys
from creditlib.rollouts.message_forms import as_messages
from creditlib.rollouts.pieces import Piece, PieceFacts, Pieces
from creditlib.rollouts.prompt_names import PROMPT_NOTE, prompt_name
from creditlib.rollouts.rollout_format import RolloutFormat, Row, in_one_piece
from creditlib.rollouts.token_lists import checked_ids
from creditlib.rollouts.values import items_of, schema_error, score_of
from creditlib.rollouts.whole_keys import whole_key_notes, with_whole_keys

__all__ = ["VERIFIERS_RESULTS"]

_KEYS = {
    "group": ("example_id",),
    "outcome": ("reward",),
    "messages": ("completion",),
    "prompt": ("prompt",),
    "id": ("trajectory_id",),
}
_STEPS = "the steps of `trajectory`"
_WORDS = {"reward": f"`reward` of {_STEPS}", "tokens": f"`tokens.completion_ids` of {_STEPS}"}


def _convert(
    rows: Sequence[Row], places: Sequence[str], keys: Mapping[str, str] | None = None
) -> Piece:
    """One trajectory per output; a step of its `trajectory`, where it has one, is a turn."""
    names = KeyNames(_KEYS, keys)
    found: list[dict[str, Any]] = []
    own_places: list[str] = []
    for row, place in zip(rows, places, strict=True):
        outputs = items_of(row["outputs"])
        if outputs is None:
            raise schema_error("outputs", "a list of objects", row["outputs"], place)
        for number, output in enumerate(outputs):
            where = f"{place} outputs[{number}]"
            if not isinstance(output, Mapping):
                raise schema_error("outputs", "a list of objects", output, where)
            found.append(_trajectory(cast("Row", output), where, names))
            own_places.append(where)
    facts = PieceFacts(names.used, counts={"outputs": len(found)})
    return Piece(found, own_places, with_whole_keys(facts, found, list(_WORDS)))


def _notes(facts: PieceFacts, keys: Mapping[str, str] | None = None) -> list[str]:
    notes = [*used_keys(facts), *whole_key_notes(facts, _WORDS)]
    if facts.counts.get("outputs") and "group" not in facts.used:
        notes.append(PROMPT_NOTE + ".")
    return notes


def _trajectory(row: Row, place: str, names: KeyNames) -> dict[str, Any]:
    outcome = names.find(row, "outcome", place)
    if outcome is None:
        raise names.missing(row, "outcome", "the reward of an output", place)
    prompt = names.find(row, "prompt", place)
    before = None if prompt is None else as_messages(prompt.value, "prompt", place)
    group = group_at(names.find(row, "group", place), place)
    if group is None and not before:
        raise names.missing(row, "group", "the task of an output without a prompt", place)
    trajectory: dict[str, Any] = {
        "group": prompt_name(before) if group is None else group,
        "outcome": score_of(outcome.value, outcome.key, place),
        "turns": _turns(row, before, place, names),
    }
    name = names.find(row, "id", place)
    if name is not None and isinstance(name.value, (str, int)):
        trajectory["id"] = name.value
    return trajectory


def _turns(row: Row, before: object, place: str, names: KeyNames) -> list[dict[str, Any]]:
    steps = items_of(row.get("trajectory"))
    if steps:
        return [
            turn
            for number, step in enumerate(steps)
            for turn in _step_turns(step, f"{place} trajectory[{number}]")
        ]
    messages = names.find(row, "messages", place)
    if messages is None:
        raise names.missing(row, "messages", "the messages of an output", place)
    completion = as_messages(messages.value, messages.key, place)
    return dialogue_turns(completion, messages.key, place, before=before)


def _step_turns(step: object, place: str) -> list[dict[str, Any]]:
    """The turns of a step: one, unless its completion has several messages of the assistant."""
    if not isinstance(step, Mapping):
        raise schema_error("trajectory", "a list of objects", step, place)
    own = cast("Row", step)
    prompt = as_messages(own.get("prompt"), "prompt", place)
    completion = as_messages(own.get("completion"), "completion", place)
    turns = dialogue_turns(completion, "completion", place, before=prompt)
    if len(turns) == 1:
        turns[0]["reward"] = score_of(own.get("reward"), "reward", place)
        tokens = own.get("tokens")
        if isinstance(tokens, Mapping):
            ids = cast("Row", tokens).get("completion_ids")
            turns[0]["tokens"] = checked_ids(ids, "completion_ids", place)
    return turns


def _has_outputs(row: Row) -> bool:
    outputs = items_of(row["outputs"])
    return outputs is not None and all(isinstance(each, Mapping) for each in outputs)


_PIECES = Pieces(_convert, _notes)
VERIFIERS_RESULTS = RolloutFormat(
    name="verifiers_results",
    keys=frozenset(("outputs",)),
    convert=in_one_piece(_PIECES),
    pieces=_PIECES,
    options=("keys",),
    written_by="verifiers' evaluations (before traces)",
    detect=_has_outputs,
    sources={
        "anchor": f"`prompt` of {_STEPS}, or the messages before each answer",
        "turn_reward": _WORDS["reward"],
        "turn_length": _WORDS["tokens"],
        "length": _WORDS["tokens"],
    },
)
