"""verl's rollout dumps as trajectories; `docs/rollouts.md` describes the format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from creditlib.rollouts.pieces import Piece, PieceFacts, Pieces, key_counts, unread_of
from creditlib.rollouts.prompts import PromptNumbers
from creditlib.rollouts.rollout_format import RolloutFormat, Row, check_steps, in_one_piece
from creditlib.rollouts.storage import Location
from creditlib.rollouts.values import schema_error, score_of

__all__ = ["VERL"]

_KEYS = frozenset(("input", "output", "score", "step"))
# What verl writes besides: the ground truth is not read, the others name rows.
_KNOWN = _KEYS | {"gts", "uid", "request_id"}


def _convert(rows: Sequence[Row], places: Sequence[str], named_by: str) -> Piece:
    """One trajectory per row; if rows name their session, the outputs of one become its turns."""
    check_steps(rows, places)
    if named_by == "session":
        found, own_places = _from_sessions(rows, places)
    else:
        found, own_places = _from_rows(rows, places, named_by == "uid"), list(places)
    counts = {"rows": len(rows), "trajectories": len(found)}
    return Piece(found, own_places, PieceFacts(keys=key_counts(rows), counts=counts))


def _settle(
    files: Sequence[Location], rows: Iterable[tuple[str, Row]], options: Mapping[str, Any]
) -> Mapping[str, Any]:
    """What names the trajectories of all rows: their session, their `uid`, or their prompt.

    Rows name their session if all `uid`s are such keys and no two rows of a step share one.
    """
    named = sessions = True
    keys: set[int] = set()
    count = 0
    for _, row in rows:
        key = _session_key(row)
        named &= row.get("uid") is not None
        sessions &= key is not None
        if sessions:
            keys.add(hash((str(row.get("step")), key)))
            count += 1
    if sessions and len(keys) == count:
        return {"named_by": "session"}
    return {"named_by": "uid" if named else "prompt"}


def _notes(facts: PieceFacts, named_by: str) -> list[str]:
    if named_by == "session":
        notes = [
            "group = sample id of `uid` within a step; the outputs of a session are its turns."
        ]
        if facts.counts.get("trajectories", 0) < facts.counts.get("rows", 0):
            notes.append("outcome = score of a session's last output, as verl's grpo takes it.")
    elif named_by == "uid":
        notes = ["group = `uid` within a step."]
    else:
        notes = [PromptNumbers.NOTE.format(key="input") + "."]
    return [*notes, *unread_of(facts, _KNOWN, _KNOWN)]


def _from_rows(rows: Sequence[Row], places: Sequence[str], named: bool) -> list[dict[str, Any]]:
    """One trajectory per row, grouped by `uid`, or by prompt if a row has none."""
    numbers = PromptNumbers()
    trajectories: list[dict[str, Any]] = []
    for row, place in zip(rows, places, strict=True):
        if not named and row["input"] is None:
            raise schema_error("input", "a text where rows have no `uid`", None, place)
        name = row["uid"] if named else numbers.of(row["step"], row["input"])
        trajectory: dict[str, Any] = {
            "group": f"{row['step']}/{name}",
            "outcome": score_of(row["score"], "score", place),
            "turns": [_turn(row, place)],
        }
        if row.get("request_id") is not None:
            trajectory["id"] = row["request_id"]
        trajectories.append(trajectory)
    return trajectories


def _turn(row: Row, place: str) -> dict[str, Any]:
    if row["output"] is not None and not isinstance(row["output"], str):
        raise schema_error("output", "a text", row["output"], place)
    return {"observation": row["input"], "text": row["output"]}


def _session_key(row: Row) -> tuple[str, int, int] | None:
    """(uid, session, output) of a row, None if its `uid` is no such key."""
    parts = str(row.get("uid", "")).rsplit("_", 2)
    if len(parts) != 3 or not (_is_number(parts[1]) and _is_number(parts[2])):
        return None
    return parts[0], int(parts[1]), int(parts[2])


def _is_number(text: str) -> bool:
    """Whether a part of a key counts sessions or outputs; no count has 19 digits."""
    return text.isdecimal() and len(text) < 19


def _from_sessions(
    rows: Sequence[Row], places: Sequence[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """One trajectory per session: outputs in order, the outcome is the score of the last one."""
    keys = [_session_key(row) or ("", 0, 0) for row in rows]
    sessions: dict[tuple[Any, str, int], list[int]] = {}
    for index, (row, (uid, session, _)) in enumerate(zip(rows, keys, strict=True)):
        sessions.setdefault((row["step"], uid, session), []).append(index)
    trajectories: list[dict[str, Any]] = []
    last_places: list[str] = []
    for (step, uid, session), members in sessions.items():
        ordered = sorted(members, key=lambda index: keys[index][2])
        last = ordered[-1]
        trajectories.append(
            {
                "group": f"{step}/{uid}",
                "id": f"{uid}_{session}",
                "outcome": score_of(rows[last]["score"], "score", places[last]),
                "turns": [_turn(rows[index], places[index]) for index in ordered],
            }
        )
        last_places.append(places[last])
    return trajectories, last_places


_PIECES = Pieces(_convert, _notes, _settle, together=lambda row: row["step"])
VERL = RolloutFormat(
    name="verl",
    keys=_KEYS,
    convert=in_one_piece(_PIECES),
    pieces=_PIECES,
    written_by="verl's `trainer.rollout_data_dir`",
)
