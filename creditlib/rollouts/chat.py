"""Chat messages as trajectories; the keys of a row tell what it holds, and a user may name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from creditlib.rollouts.conversation import PLACEHOLDER_NOTE, dialogue_turns, has_placeholder
from creditlib.rollouts.key_names import Found, KeyNames, read_keys, used_keys, value_at
from creditlib.rollouts.message_forms import as_messages
from creditlib.rollouts.pieces import Piece, PieceFacts, Pieces, key_counts, unread_of
from creditlib.rollouts.prompt_names import PROMPT_NOTE, prompt_name
from creditlib.rollouts.rollout_format import RolloutFormat, Row, in_one_piece
from creditlib.rollouts.values import items_of, plain_value, schema_error, score_of

__all__ = ["CHAT", "GROUPS", "OUTCOMES", "group_at"]

GROUPS = (
    *("group", "group_id", "task_id", "example_id", "problem_id", "question_id", "prompt_id"),
    *("instance_id", "task_index", "name"),
)
_FLAGS = ("correct", "is_correct", "success", "is_success", "is_solved", "resolved", "passed")
OUTCOMES = ("outcome", "reward", "score", *_FLAGS)
_MESSAGES = ("messages", "traj", "conversations", "conversation", "completion", "solution")
_KEYS = {
    "group": GROUPS,
    "outcome": OUTCOMES,
    "messages": _MESSAGES,
    "prompt": ("prompt", "question"),
    "id": ("trajectory_id",),  # `id` is often that of the task
}


def _is_chat(row: Row) -> bool:
    """Messages under a key that is looked for, or a flag and the name of a task."""
    if any(_is_dialogue(row.get(key)) for key in _MESSAGES):
        return True
    flagged = any(isinstance(row.get(key), bool) for key in _FLAGS)
    return flagged and any(isinstance(row.get(key), (str, int)) for key in GROUPS)


def _is_dialogue(value: object) -> bool:
    items = items_of(value)
    if not items or not isinstance(items[0], Mapping):
        return False
    first = cast("Row", items[0])
    return isinstance(first.get("role"), str) or isinstance(first.get("from"), str)


def _convert(
    rows: Sequence[Row], places: Sequence[str], keys: Mapping[str, str] | None = None
) -> Piece:
    """One trajectory per row: each message of the assistant is a turn."""
    names = KeyNames(_KEYS, keys)
    found = [_trajectory(row, place, names) for row, place in zip(rows, places, strict=True)]
    messages = names.used.get("messages", ("", ""))[0]
    images = any(has_placeholder(_value(row, messages)) for row in rows) if messages else False
    facts = PieceFacts(names.used, keys=key_counts(rows), counts={"placeholder": images})
    return Piece(found, list(places), facts)


def _notes(facts: PieceFacts, keys: Mapping[str, str] | None = None) -> list[str]:
    notes = used_keys(facts)
    if "group" not in facts.used:
        notes.append(PROMPT_NOTE + ".")
    if "messages" not in facts.used:
        notes.append("the rows have no messages, so the trajectories have no turns.")
    if facts.counts.get("placeholder"):
        notes.append(PLACEHOLDER_NOTE)
    return notes + unread_of(facts, read_keys(facts))


def _value(row: Row, key: str) -> Any:
    found = value_at(row, key)
    return None if found is None else found.value


def _trajectory(row: Row, place: str, names: KeyNames) -> dict[str, Any]:
    outcome = names.find(row, "outcome", place)
    if outcome is None:
        raise names.missing(row, "outcome", "the reward of a row", place)
    messages = names.find(row, "messages", place)
    prompt: Found | None = None
    dialogue: object = []
    if messages is None and names.is_given("messages"):
        raise names.missing(row, "messages", "the messages of a row", place)
    if messages is not None:
        dialogue = as_messages(messages.value, messages.key, place)
        if _starts_with_the_policy(dialogue):
            prompt = names.find(row, "prompt", place)
    before = None if prompt is None else as_messages(prompt.value, prompt.key, place)
    key = "messages" if messages is None else messages.key
    before_key = "prompt" if prompt is None else prompt.key
    turns = dialogue_turns(dialogue, key, place, before=before, before_key=before_key)
    trajectory: dict[str, Any] = {
        "group": group_at(names.find(row, "group", place), place),
        "outcome": score_of(outcome.value, outcome.key, place),
        "turns": turns,
    }
    if trajectory["group"] is None:
        asked = _opening(dialogue) if before is None else before
        if not asked:
            raise names.missing(row, "group", "the task of a row without a prompt", place)
        trajectory["group"] = prompt_name(asked)
    name = names.find(row, "id", place)
    if name is not None and isinstance(name.value, (str, int)):
        trajectory["id"] = name.value
    return trajectory


def _starts_with_the_policy(dialogue: object) -> bool:
    if isinstance(dialogue, str):
        return True
    items = items_of(dialogue)
    first: object = items[0] if items else None
    return isinstance(first, Mapping) and cast("Row", first).get("role") == "assistant"


def _opening(dialogue: object) -> list[Any]:
    """The messages before the first one of the assistant."""
    found: list[Any] = []
    for message in items_of(dialogue) or ():
        if isinstance(message, Mapping) and cast("Row", message).get("role") == "assistant":
            break
        found.append(message)
    return found


def group_at(found: Found | None, place: str) -> str | int | None:
    """The group under a key, None where a row states none; anything but a text or integer is none.

    >>> group_at(Found("task_id", 7), "x.jsonl line 1")
    7
    """
    value = None if found is None else plain_value(found.value)
    if found is None or value is None:
        return None
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise schema_error(found.key, "a text or an integer", value, place)
    return value


_PIECES = Pieces(_convert, _notes)
CHAT = RolloutFormat(
    name="chat",
    keys=frozenset(),
    convert=in_one_piece(_PIECES),
    pieces=_PIECES,
    options=("keys",),
    written_by="tau-bench, ShareGPT, OpenAI messages, `vf-eval`'s rows, TRL's data sets",
    detect=_is_chat,
    detected_by=f"messages under {', '.join(f'`{key}`' for key in _MESSAGES)}",
    sources={"anchor": "the messages before each message of the assistant"},
)
