"""verl's rollout dumps as trajectories; `docs/rollouts.md` describes the format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from creditlib.rollouts.prompts import PromptNumbers
from creditlib.rollouts.rollout_format import Converted, RolloutFormat, Row, check_steps
from creditlib.rollouts.schema import unread_keys, unread_note
from creditlib.rollouts.values import schema_error, score_of

__all__ = ["VERL"]

_KEYS = frozenset(("input", "output", "score", "step"))
# What verl writes besides: the ground truth is not read, the others name rows.
_KNOWN = _KEYS | {"gts", "uid", "request_id"}


def _convert(rows: Sequence[Row], places: Sequence[str]) -> Converted:
    """One trajectory per row; if rows name their session, the outputs of one become its turns."""
    check_steps(rows, places)
    keys = _session_keys(rows)
    found = _from_rows(rows, places) if keys is None else _from_sessions(rows, places, keys)
    unread = unread_note([("row", unread_keys(rows, _KNOWN))], {"row": _KNOWN})
    return found._replace(notes=[*found.notes, unread]) if unread else found


def _from_rows(rows: Sequence[Row], places: Sequence[str]) -> Converted:
    """One trajectory per row, grouped by `uid`, or by prompt if a row has none."""
    numbers = PromptNumbers()
    named = all(row.get("uid") is not None for row in rows)
    trajectories: list[Row] = []
    for row, place in zip(rows, places, strict=True):
        if not named and row["input"] is None:
            raise schema_error("input", "a text where rows have no `uid`", None, place)
        name = row["uid"] if named else numbers.of(row["step"], row["input"])
        trajectory = {
            "group": f"{row['step']}/{name}",
            "outcome": score_of(row["score"], "score", place),
            "turns": [_turn(row, place)],
        }
        if row.get("request_id") is not None:
            trajectory["id"] = row["request_id"]
        trajectories.append(trajectory)
    note = "group = `uid` within a step" if named else PromptNumbers.NOTE.format(key="input")
    return Converted(trajectories, places, [note + "."])


def _turn(row: Row, place: str) -> dict[str, Any]:
    if row["output"] is not None and not isinstance(row["output"], str):
        raise schema_error("output", "a text", row["output"], place)
    return {"observation": row["input"], "text": row["output"]}


def _session_keys(rows: Sequence[Row]) -> list[tuple[str, int, int]] | None:
    """(uid, session, output) of every row if all `uid`s are such keys and no two rows share one."""
    keys: list[tuple[str, int, int]] = []
    for row in rows:
        parts = str(row.get("uid", "")).rsplit("_", 2)
        if len(parts) != 3 or not (_is_number(parts[1]) and _is_number(parts[2])):
            return None
        keys.append((parts[0], int(parts[1]), int(parts[2])))
    distinct = {(row["step"], *key) for row, key in zip(rows, keys, strict=True)}
    return keys if len(distinct) == len(rows) else None


def _is_number(text: str) -> bool:
    """Whether a part of a key counts sessions or outputs; no count has 19 digits."""
    return text.isdecimal() and len(text) < 19


def _from_sessions(
    rows: Sequence[Row], places: Sequence[str], keys: Sequence[tuple[str, int, int]]
) -> Converted:
    """One trajectory per session: outputs in order, the outcome is the score of the last one."""
    sessions: dict[tuple[Any, str, int], list[int]] = {}
    for index, (row, (uid, session, _)) in enumerate(zip(rows, keys, strict=True)):
        sessions.setdefault((row["step"], uid, session), []).append(index)
    trajectories: list[Row] = []
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
    notes = ["group = sample id of `uid` within a step; the outputs of a session are its turns."]
    if len(sessions) < len(rows):
        notes.append("outcome = score of a session's last output, as verl's grpo takes it.")
    return Converted(trajectories, last_places, notes)


VERL = RolloutFormat(
    name="verl",
    keys=_KEYS,
    convert=_convert,
    written_by="verl's `trainer.rollout_data_dir`",
)
