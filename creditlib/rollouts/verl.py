"""verl's rollout dumps as trajectories; `docs/rollouts.md` describes the format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from creditlib.rollouts.prompts import PromptNumbers
from creditlib.rollouts.rollout_format import Converted, RolloutFormat, Row
from creditlib.rollouts.turns import is_number, schema_error

__all__ = ["VERL"]


def _convert(rows: Sequence[Row], places: Sequence[str]) -> Converted:
    """One trajectory per row; if rows name their session, the outputs of one become its turns."""
    keys = _session_keys(rows)
    if keys is not None:
        return _from_sessions(rows, places, keys)
    numbers = PromptNumbers()
    named = all(row.get("uid") is not None for row in rows)
    trajectories: list[Row] = []
    for row, place in zip(rows, places, strict=True):
        name = row["uid"] if named else numbers.of(row["step"], row["input"])
        trajectory = {
            "group": f"{row['step']}/{name}",
            "outcome": _score(row, place),
            "turns": [_turn(row, place)],
        }
        if row.get("request_id") is not None:
            trajectory["id"] = row["request_id"]
        trajectories.append(trajectory)
    note = "group = `uid` within a step" if named else PromptNumbers.NOTE.format(key="input")
    return Converted(trajectories, places, [note + "."])


def _score(row: Row, place: str) -> float | None:
    score = row["score"]
    if score is not None and not is_number(score):
        raise schema_error("score", "a finite number or null", score, place)
    return score


def _turn(row: Row, place: str) -> dict[str, Any]:
    if row["output"] is not None and not isinstance(row["output"], str):
        raise schema_error("output", "a text", row["output"], place)
    return {"observation": row["input"], "text": row["output"]}


def _session_keys(rows: Sequence[Row]) -> list[tuple[str, int, int]] | None:
    """(uid, session, output) of every row if all `uid`s are such keys and no two rows share one."""
    keys: list[tuple[str, int, int]] = []
    for row in rows:
        parts = str(row.get("uid", "")).rsplit("_", 2)
        if len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
            return None
        keys.append((parts[0], int(parts[1]), int(parts[2])))
    distinct = {(row["step"], *key) for row, key in zip(rows, keys, strict=True)}
    return keys if len(distinct) == len(rows) else None


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
                "outcome": _score(rows[last], places[last]),
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
    keys=frozenset(("input", "output", "score", "step")),
    convert=_convert,
    written_by="verl's `trainer.rollout_data_dir`",
)
