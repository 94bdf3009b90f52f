"""Messages of several makers in one form: a role, a content, calls of tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from creditlib.rollouts.conversation import Message
from creditlib.rollouts.token_lists import checked_ids
from creditlib.rollouts.values import items_of, schema_error

__all__ = ["Written", "as_messages", "response_messages"]

# ShareGPT's `from` -> role.
_SENDERS = {
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "assistant", "model", "chatgpt", "function_call"), "assistant"),
    **dict.fromkeys(("observation", "tool", "function", "function_response"), "tool"),
    "system": "system",
}
_ITEMS = frozenset(("function_call", "function_call_output", "reasoning"))


class Written(NamedTuple):
    """Messages, and for each of the assistant the token ids that the policy wrote, or None."""

    messages: list[Message]
    tokens: list[list[Any] | None]


def as_messages(value: object, key: str, place: str) -> object:
    """Messages with `role` and `content`; a text, or what is no list, stays as it is.

    ShareGPT's `from` and `value` become role and content; items of OpenAI's Responses become
    messages.

    >>> as_messages([{"from": "gpt", "value": "56"}], "conversations", "row 1")
    [{'role': 'assistant', 'content': '56'}]
    """
    items = items_of(value)
    if items is None:
        return value
    if any(isinstance(item, Mapping) and _is_item(cast(Message, item)) for item in items):
        return response_messages(items, key, place).messages
    return [_message(item, key, f"{place} {key} message {n}") for n, item in enumerate(items)]


def _is_item(item: Message) -> bool:
    return item.get("role") is None and item.get("type") in _ITEMS


def _message(item: object, key: str, place: str) -> object:
    if not isinstance(item, Mapping):
        return item
    message = cast(Message, item)
    sender = message.get("from")
    if message.get("role") is not None or sender is None:
        return message
    if not isinstance(sender, str) or sender not in _SENDERS:
        known = ", ".join(_SENDERS)
        raise schema_error(key, f"messages whose `from` is one of {known}", sender, place)
    return {"role": _SENDERS[sender], "content": message.get("value")}


def response_messages(value: object, key: str, place: str) -> Written:
    """The items of `response.output` (OpenAI's Responses, NeMo Gym) as messages.

    Reasoning, a message and calls of tools in a row are one message of the assistant: one answer of
    the model. A reasoning or a message begins another one where the answer already has a message or
    a call, or the token ids that the model wrote. Lists of items are flattened.

    >>> items = [{"type": "function_call", "name": "look", "arguments": "{}"},
    ...          {"type": "function_call_output", "output": "a door"}]
    >>> [message["role"] for message in response_messages(items, "output", "row 1").messages]
    ['assistant', 'tool']
    """
    if isinstance(value, str):
        return Written([{"role": "user", "content": value}], [])
    items = items_of(value)
    if items is None:
        raise schema_error(key, "a list of items", value, place)
    answers = _Answers()
    for number, item in enumerate(_flat(items)):
        where = f"{place} {key} item {number}"
        if not isinstance(item, Mapping):
            raise schema_error(key, "a list of items, which are objects", item, where)
        answers.add(cast(Message, item), key, where)
    return answers.written()


def _flat(items: Sequence[Any]) -> list[Any]:
    """Items, and those of lists among them."""
    found: list[Any] = []
    for item in items:
        inner = items_of(item)
        found += [item] if inner is None else inner
    return found


class _Answers:
    """Joins the items of one answer of the model."""

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._tokens: list[list[Any] | None] = []
        self._open = False

    def add(self, item: Message, key: str, place: str) -> None:
        kind, role = item.get("type"), item.get("role")
        if kind == "function_call_output":
            self._say("tool", item.get("output"))
        elif role == "assistant" or kind in ("function_call", "reasoning"):
            self._write(item, str(kind))
            self._count(item, place)
        elif isinstance(role, str):
            self._say(role, item.get("content"))
        elif isinstance(
            kind, str
        ):  # such as web_search_call: the model's, without a text of its own
            self._write({"name": kind}, "function_call")
        else:
            raise schema_error(key, "items with a `type` or a `role`", item, place)

    def _say(self, role: str, content: Any) -> None:
        text = content if content is None or isinstance(content, (str, list)) else str(content)
        self._messages.append({"role": role, "content": text})
        self._open = False

    def _write(self, item: Message, kind: str) -> None:
        if not self._open or self._is_whole(kind):
            self._messages.append({"role": "assistant"})
            self._tokens.append(None)
            self._open = True
        answer = self._messages[-1]
        if kind == "reasoning":
            parts = [*_texts(item.get("summary")), *_texts(item.get("content"))]
            answer["reasoning_content"] = "\n".join(parts)
        elif kind == "function_call":
            calls = cast("list[Any]", answer.setdefault("tool_calls", []))
            calls.append({"name": item.get("name"), "arguments": item.get("arguments")})
        else:
            answer["content"] = item.get("content")

    def _count(self, item: Message, place: str) -> None:
        ids = checked_ids(item.get("generation_token_ids"), "generation_token_ids", place)
        if ids is not None:
            self._tokens[-1] = list(ids)

    def _is_whole(self, next_kind: str) -> bool:
        """Whether the answer at hand ends before an item of the next kind."""
        if self._tokens[-1] is not None:  # they stand in the last item of an answer
            return True
        answer = self._messages[-1]
        return next_kind != "function_call" and ("content" in answer or "tool_calls" in answer)

    def written(self) -> Written:
        return Written(list[Message](self._messages), self._tokens)


def _texts(parts: object) -> list[str]:
    """The texts of the parts of a reasoning."""
    found = [
        cast(Message, part).get("text")
        for part in items_of(parts) or ()
        if isinstance(part, Mapping)
    ]
    return [text for text in found if isinstance(text, str)]
