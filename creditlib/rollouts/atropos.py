"""Atropos' scored groups as trajectories, and credit as their `advantages`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from creditlib.rollouts.conversation import dialogue_turns
from creditlib.rollouts.pieces import Piece, PieceFacts, Pieces, key_counts, unread_of
from creditlib.rollouts.rollout_format import RolloutFormat, Row, in_one_piece
from creditlib.rollouts.token_lists import are_token_ids
from creditlib.rollouts.values import is_count, items_of, schema_error, score_of
from creditlib.vocabulary.messages import ContractError

__all__ = ["ATROPOS"]

_KEYS = frozenset(("tokens", "masks", "scores"))
_READ = _KEYS | {"messages"}
_KNOWN = _READ | {"advantages"}  # which are written
_NOT_WRITTEN = -100  # the mask of a token that the policy did not write


class _Member(NamedTuple):
    """One trajectory of a group; a run is the first token of a turn, and the one behind it."""

    place: str
    tokens: Sequence[int]
    runs: list[tuple[int, int]]
    score: float | None
    messages: object


def _convert(rows: Sequence[Row], places: Sequence[str]) -> Piece:
    """One trajectory per score of a group; each run of tokens that the policy wrote is a turn."""
    found: list[dict[str, Any]] = []
    own_places: list[str] = []
    for row, place in zip(rows, places, strict=True):
        for each in _members(row, place):
            turns = _turns(each)
            found.append({"group": place, "outcome": each.score, "turns": turns})
            own_places.append(each.place)
    return Piece(found, own_places, PieceFacts(keys=key_counts(rows)))


def _notes(facts: PieceFacts) -> list[str]:
    note = "group = one line of the file; a turn = a run of tokens whose mask is not -100."
    return [note, *unread_of(facts, _KNOWN, _READ)]


def _members(row: Row, place: str) -> list[_Member]:
    lists = {key: items_of(row[key]) for key in ("scores", "tokens", "masks")}
    for key, items in lists.items():
        if items is None:
            raise schema_error(key, "a list", row[key], place)
    scores, tokens, masks = (list(items or ()) for items in lists.values())
    told = row.get("messages")
    messages = [None] * len(scores) if told is None else items_of(told)
    sizes = {"tokens": len(tokens), "masks": len(masks)}
    sizes["messages"] = -1 if messages is None else len(messages)
    for key, size in sizes.items():
        if size != len(scores):
            got = "no list" if size < 0 else f"{size} items"
            wanted = f"as long as `scores`, {len(scores)}"
            raise ContractError(f"rollouts: `{key}` must be {wanted}, got {got} in {place}.")
    return [
        _member(f"{place} scores[{n}]", *parts)
        for n, parts in enumerate(zip(scores, tokens, masks, messages or (), strict=True))
    ]


def _member(place: str, score: object, tokens: object, mask: object, messages: object) -> _Member:
    ids = items_of(tokens)
    if ids is None or not are_token_ids(ids):
        raise schema_error("tokens", "lists of token ids", tokens, place)
    marks = items_of(mask)
    if marks is None or len(marks) != len(ids):
        size = None if marks is None else len(marks)
        raise schema_error("masks", f"as long as `tokens`, {len(ids)}", size, place)
    bad = next((mark for mark in marks if mark != _NOT_WRITTEN and not is_count(mark)), None)
    if bad is not None:
        raise schema_error("masks", "lists of token ids and -100", bad, place)
    return _Member(place, ids, _runs(marks), score_of(score, "scores", place), messages)


def _runs(marks: Sequence[int]) -> list[tuple[int, int]]:
    """The spans of tokens that the policy wrote: [start, end).

    >>> _runs([-100, 4, 5, -100, 6])
    [(1, 3), (4, 5)]
    """
    written = [False, *(mark != _NOT_WRITTEN for mark in marks), False]
    edges = [n for n in range(len(marks) + 1) if written[n] != written[n + 1]]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _turns(member: _Member) -> list[dict[str, Any]]:
    """The runs, with the texts of the last messages of the assistant, which they are."""
    turns: list[dict[str, Any]] = [
        {"tokens": list(member.tokens[start:end])} for start, end in member.runs
    ]
    if member.messages is None or not turns:
        return turns
    told = dialogue_turns(_in_chat(member.messages), "messages", member.place)
    if len(told) >= len(turns):
        for turn, own in zip(turns, told[-len(turns) :], strict=True):
            turn.update(own)
    return turns


def _in_chat(messages: object) -> object:
    """Atropos' role `agent` is the assistant."""
    items = items_of(messages)
    if items is None:
        return messages
    return [
        {**cast("Row", item), "role": "assistant"}
        if isinstance(item, Mapping) and cast("Row", item).get("role") == "agent"
        else item
        for item in items
    ]


def _with_credit(row: Row, place: str, credit: Sequence[Sequence[float]]) -> Row:
    """The group with `advantages`: for each token the credit of its turn, 0 outside of turns."""
    members = _members(row, place)
    if len(members) != len(credit):
        raise ContractError(
            f"with_credit: `credit` must have one list for each of {len(members)} scores, got "
            f"{len(credit)} in {place}."
        )
    found: list[list[float]] = []
    for member, values in zip(members, credit, strict=True):
        if len(values) != len(member.runs):
            raise ContractError(
                f"with_credit: `credit` must have one number for each of {len(member.runs)} turns, "
                f"got {len(values)} in {member.place}."
            )
        found.append([0.0] * len(member.tokens))
        for (start, end), value in zip(member.runs, values, strict=True):
            found[-1][start:end] = [float(value)] * (end - start)
    return {**row, "advantages": found}


_PIECES = Pieces(_convert, _notes)
ATROPOS = RolloutFormat(
    name="atropos",
    keys=_KEYS,
    convert=in_one_piece(_PIECES),
    pieces=_PIECES,
    written_by="Atropos' `data_path_to_save_groups`",
    sources={
        "anchor": "the group's `messages` before each turn",
        "turn_length": "the group's `tokens` and `masks`",
        "length": "the group's `tokens` and `masks`",
    },
    with_credit=_with_credit,
)
