"""Chat messages as turns: what the assistant wrote, and what it saw before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from creditlib.rollouts.values import Place, items_of, schema_error

__all__ = [
    "PLACEHOLDER_NOTE",
    "Message",
    "conversation_turns",
    "dialogue_turns",
    "has_placeholder",
    "texts_of",
]

Message = Mapping[str, Any]

PLACEHOLDER_NOTE = (
    "what is not text is not in the log: prompts, and observations, that differ only in an image "
    "count as equal."
)
_SYSTEM = frozenset(("system", "developer"))
_REASONING = ("reasoning_content", "reasoning", "thinking")


def conversation_turns(prompt: object, completion: object, place: str) -> list[dict[str, Any]]:
    """The turns of a completion, which is a text or a list of messages; so is the prompt.

    Each message of the assistant is a turn. Its observation is the text of the messages since the
    turn before; the first one sees the last message of the prompt. Messages behind the last turn
    belong to none.

    >>> question = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "7*8?"}]
    >>> conversation_turns(question, [{"role": "assistant", "content": "56"}], "row 1")
    [{'observation': '7*8?', 'text': '56'}]
    >>> conversation_turns("7*8?", "56", "row 1")
    [{'observation': '7*8?', 'text': '56'}]
    """
    seen = [_first_observation(prompt, place)]
    if completion is None or isinstance(completion, str):
        return [{"observation": seen[0], "text": completion}]
    turns: list[dict[str, Any]] = []
    for message, where in _messages(completion, "completion", place):
        if message.get("role") == "assistant":
            turns.append({"observation": "\n".join(seen) if seen else None})
            turns[-1]["text"] = _written(message, where)
            seen = []
        else:
            seen.append(_content(message, where))
    return turns


def dialogue_turns(
    messages: object, key: str, place: str, *, before: object = None, before_key: str = "prompt"
) -> list[dict[str, Any]]:
    """The turns of a whole dialogue: each message of the assistant, and what precedes it.

    `messages` is a text, which is one turn, or a list of messages. The observation of a turn is the
    text of the messages since the turn before. Messages of the system are part of no observation,
    except of the first one where nothing else precedes it. `before` is a prompt that the policy did
    not write, a text or a list of messages: what follows its last message of the assistant precedes
    the first turn. `key` and `before_key` name both in a refusal.

    >>> question = {"role": "user", "content": "7*8?"}
    >>> dialogue_turns([question, {"role": "assistant", "content": "56"}], "messages", "row 1")
    [{'observation': '7*8?', 'text': '56'}]
    >>> dialogue_turns("56", "answer", "row 1", before=[question])
    [{'observation': '7*8?', 'text': '56'}]
    """
    seen = texts_of(before, before_key, place)
    if isinstance(messages, str):
        return [{"observation": "\n".join(seen) if seen else None, "text": messages}]
    turns: list[dict[str, Any]] = []
    system: list[str] = []
    for message, where in _messages(messages, key, place):
        if message["role"] == "assistant":
            heard = seen or (system if not turns else [])
            turns.append({"observation": "\n".join(heard) if heard else None})
            turns[-1]["text"] = _written(message, where)
            seen = []
        elif message["role"] in _SYSTEM:
            system.append(_content(message, where))
        else:
            seen.append(_content(message, where))
    return turns


def texts_of(prompt: object, key: str, place: str) -> list[str]:
    """What a prompt says behind its last message of the assistant; None says nothing.

    Messages of the system count where no other message does.

    >>> texts_of([{"role": "system", "content": "Be brief."}], "prompt", "row 1")
    ['Be brief.']
    """
    if prompt is None or isinstance(prompt, str):
        return [prompt] if prompt else []
    seen: list[str] = []
    system: list[str] = []
    for message, where in _messages(prompt, key, place):
        if message["role"] == "assistant":
            seen = []
        elif message["role"] in _SYSTEM:
            system.append(_content(message, where))
        else:
            seen.append(_content(message, where))
    return seen or system


def has_placeholder(messages: object) -> bool:
    """Whether any part of any message is something else than text.

    >>> has_placeholder([{"role": "user", "content": [{"type": "image"}]}])
    True
    """
    contents = [items_of(message.get("content")) or () for message in items_of(messages) or ()]
    return any(
        isinstance(part, Mapping) and not isinstance(cast(Message, part).get("text"), str)
        for parts in contents
        for part in parts
    )


def _first_observation(prompt: object, place: str) -> str:
    if isinstance(prompt, str):
        return prompt
    found = _messages(prompt, "prompt", place)
    if not found:
        raise schema_error("prompt", "a text or a list of messages", prompt, place)
    return _content(*found[-1])


def _messages(value: object, key: str, place: str) -> list[tuple[Message, Place]]:
    """Each message with its place; the role and the content are checked where they are read."""
    items = items_of(value)
    contract = "a text or a list of messages"
    if items is None:
        raise schema_error(key, contract, value, place)
    found: list[tuple[Message, Place]] = []
    for number, item in enumerate(items):
        where = f"{place} {key} message {number}"
        if not isinstance(item, Mapping) or not isinstance(cast(Message, item).get("role"), str):
            raise schema_error(key, "a list of messages with a `role`", item, where)
        found.append((cast(Message, item), where))
    return found


def _written(message: Message, place: Place) -> str:
    """What the policy wrote: its reasoning, its text, then one line for each call of a tool."""
    thought = [message[key] for key in _REASONING if isinstance(message.get(key), str)][:1]
    calls = [_call(call, place) for call in items_of(message.get("tool_calls")) or ()]
    return "\n".join(part for part in (*thought, _content(message, place), *calls) if part)


def _call(call: object, place: Place) -> str:
    """A call as `name(arguments)`; the arguments are JSON, without keys that are null.

    Parquet fills the arguments of one tool with the names of all others, as null.
    """
    if not isinstance(call, Mapping):
        raise schema_error("tool_calls", "a list of objects", call, place)
    whole = cast(Message, call)
    function = whole.get("function")
    named = cast(Message, function) if isinstance(function, Mapping) else whole
    name = named.get("name") or (function if isinstance(function, str) else None)
    arguments = named.get("arguments")
    if arguments is None:
        arguments = ""
    if not isinstance(arguments, str):
        arguments = json.dumps(_without_null(arguments), ensure_ascii=False, default=str)
    return f"{name or 'tool'}({arguments})"


def _without_null(value: Any) -> Any:
    if isinstance(value, Mapping):
        pairs = cast(Message, value).items()
        return {key: _without_null(item) for key, item in pairs if item is not None}
    items = items_of(value)
    return value if items is None else [_without_null(item) for item in items]


def _content(message: Message, place: Place) -> str:
    r"""The text of a message; of a list of parts, one without text becomes its type.

    >>> _content({"content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}, "row 1")
    '[image]\nWhat is it?'
    """
    content = message.get("content")
    if content is None or isinstance(content, str):
        return content or ""
    parts = items_of(content)
    if parts is None:
        raise schema_error("content", "a text, null or a list of parts", content, place)
    return "\n".join(_part(part, place) for part in parts)


def _part(part: object, place: Place) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        raise schema_error("content", "a text, null or a list of parts", part, place)
    found = cast(Message, part)
    text = found.get("text")
    return text if isinstance(text, str) else f"[{found.get('type') or 'part'}]"
