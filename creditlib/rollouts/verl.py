"""The rollout dumps of verl, as trajectories; the format is described in `docs/rollouts.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from creditlib.contract import ContractError
from creditlib.rollouts.prompts import PromptNumbers
from creditlib.rollouts.turns import is_number, refuse

__all__ = ["KEYS", "from_verl"]

Row = Mapping[str, Any]

KEYS = frozenset(("input", "output", "score", "step"))


def from_verl(rows: Sequence[Row], places: Sequence[str]) -> tuple[list[Row], list[str], list[str]]:
    """Trajectories, their places and notes; several outputs of one session become its turns."""
    for row, place in zip(rows, places, strict=True):
        for key in sorted(KEYS):
            if key not in row:
                raise ContractError(f"rollouts: `{key}` must be in every row, got none in {place}.")
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
    return trajectories, list(places), [note + "."]


def _score(row: Row, place: str) -> float | None:
    score = row["score"]
    if score is not None and not is_number(score):
        raise refuse("score", "a finite number or null", score, place)
    return score


def _turn(row: Row, place: str) -> dict[str, Any]:
    if row["output"] is not None and not isinstance(row["output"], str):
        raise refuse("output", "a text", row["output"], place)
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
) -> tuple[list[Row], list[str], list[str]]:
    """One trajectory per session, its outputs in order, its outcome the score of the last one."""
    sessions: dict[tuple[Any, str, int], list[int]] = {}
    for index, (row, (uid, session, _)) in enumerate(zip(rows, keys, strict=True)):
        sessions.setdefault((row["step"], uid, session), []).append(index)
    trajectories: list[Row] = []
    firsts: list[str] = []
    for (step, uid, session), members in sessions.items():
        ordered = sorted(members, key=lambda index: keys[index][2])
        trajectories.append(
            {
                "group": f"{step}/{uid}",
                "id": f"{uid}_{session}",
                "outcome": _score(rows[ordered[-1]], places[ordered[-1]]),
                "turns": [_turn(rows[index], places[index]) for index in ordered],
            }
        )
        firsts.append(places[ordered[-1]])
    notes = ["group = sample id of `uid` within a step; the outputs of a session are its turns."]
    if len(sessions) < len(rows):
        notes.append("outcome = score of a session's last output, as verl's grpo takes it.")
    return trajectories, firsts, notes
