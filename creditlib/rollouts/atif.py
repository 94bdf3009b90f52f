"""Trajectories in ATIF, the Agent Trajectory Interchange Format, and those of Harbor's jobs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, cast

from creditlib.rollouts.chat import group_at
from creditlib.rollouts.conversation import dialogue_turns, texts_of
from creditlib.rollouts.harbor import continuation_of, job_files, result_beside
from creditlib.rollouts.key_names import Found, KeyNames, used_keys, value_at
from creditlib.rollouts.pieces import Piece, PieceFacts, Pieces
from creditlib.rollouts.prompt_names import PROMPT_NOTE, prompt_name
from creditlib.rollouts.rollout_format import RolloutFormat, Row, file_of, in_one_piece
from creditlib.rollouts.storage import Location
from creditlib.rollouts.token_lists import checked_count, checked_ids
from creditlib.rollouts.values import items_of, schema_error, score_of
from creditlib.rollouts.whole_keys import common_reward_notes, whole_key_notes, with_whole_keys
from creditlib.vocabulary.messages import ContractError

__all__ = ["ATIF"]

_REWARDS = "verifier_result.rewards"
_KEYS = {
    "group": ("task_name",),
    "outcome": (f"{_REWARDS}.reward",),
    "id": ("trial_name", "trajectory_id"),
}
_SOURCES = frozenset(("system", "user", "agent"))
_WORDS = {
    "tokens": "`metrics.completion_token_ids` of the steps",
    "token_count": "`metrics.completion_tokens` of the steps",
    "seconds": "the steps' `timestamp`",
}


def _is_atif(row: Row) -> bool:
    """A trajectory with steps, or the result of a trial whose agent wrote no trajectory."""
    version = row.get("schema_version")
    if isinstance(version, str) and version.startswith("ATIF"):
        return "steps" in row
    return "verifier_result" in row and "task_name" in row and "steps" not in row


def _convert(
    rows: Sequence[Row],
    places: Sequence[str],
    keys: Mapping[str, str] | None = None,
    continued: frozenset[Location] = frozenset(),
) -> Piece:
    """One trajectory per document; each step that the agent's model wrote is a turn.

    `continued` are the files that another document continues in: they are no trajectories.
    """
    names = KeyNames(_KEYS, keys)
    found: list[dict[str, Any]] = []
    own_places: list[str] = []
    subagents = 0
    for row, place in zip(rows, places, strict=True):
        trajectory = _trajectory(row, _steps(row, place)[0], place, names)
        subagents += len(items_of(row.get("subagent_trajectories") or []) or ())
        if not continued or file_of(place) not in continued:
            found.append(trajectory)
            own_places.append(place)
    prompts = sum(str(each["group"]).startswith("prompt ") for each in found)
    facts = PieceFacts(names.used, counts={"prompts": prompts, "subagents": subagents})
    return Piece(found, own_places, with_whole_keys(facts, found, list(_WORDS), rewards=True))


def _settle(
    files: Sequence[Location], rows: Iterable[tuple[str, Row]], options: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The files that documents continue in; they lie in the folder of the first one."""
    if len({file.parent for file in files}) == len(files) > 1:
        return {}
    found: set[Location] = set()
    for place, row in rows:
        if row.get("continued_trajectory_ref"):
            found |= _steps(row, place)[1]
    return {"continued": frozenset(found)}


def _notes(facts: PieceFacts, **options: Any) -> list[str]:
    notes = used_keys(facts)
    if facts.counts.get("prompts"):
        notes.append(PROMPT_NOTE + ".")
    subagents = facts.counts.get("subagents", 0)
    if subagents:
        notes.append(f"trajectories of sub-agents are not read as turns: {subagents}.")
    return [*notes, *whole_key_notes(facts, _WORDS), *common_reward_notes(facts)]


def _trajectory(
    row: Row, steps: Sequence[tuple[Row, str]], place: str, names: KeyNames
) -> dict[str, Any]:
    result = row if "verifier_result" in row else result_beside(place)
    told: Row = {**row, **(result or {})}
    outcome = _outcome(told, result, place, names)
    group = group_at(names.find(told, "group", place), place)
    if group is None:
        asked = _first_messages(steps)
        if not asked:
            raise names.missing(told, "group", "the task of a trajectory", place)
        group = prompt_name(asked)
    trajectory: dict[str, Any] = {
        "group": group,
        "outcome": score_of(outcome.value, outcome.key, place),
        "rewards": _rewards(told, place),
        "turns": _turns(steps, place),
    }
    name = names.find(told, "id", place)
    if name is not None and isinstance(name.value, (str, int)):
        trajectory["id"] = name.value
    return trajectory


def _outcome(told: Row, result: Row | None, place: str, names: KeyNames) -> Found:
    """The verifier's reward: the one named `reward`, or the only one."""
    found = names.find(told, "outcome", place)
    if found is not None:
        return found
    rewards = value_at(told, _REWARDS)
    named = rewards.value if rewards is not None and isinstance(rewards.value, Mapping) else {}
    if names.is_given("outcome") or len(named) > 1:
        listed = ", ".join(f"{_REWARDS}.{name}" for name in named) or "none"
        raise names.missing({listed: None}, "outcome", "the reward of a trajectory", place)
    if named:
        only, value = next(iter(named.items()))
        return names.use("outcome", Found(f"{_REWARDS}.{only}", value), place)
    if result is None:
        raise ContractError(
            "rollouts: a trajectory in ATIF must have its reward in Harbor's `result.json`, got no "
            f"such file for {place}; name a key of its own by `keys={{'outcome': KEY}}` or `--key "
            "outcome=KEY`."
        )
    return Found(_REWARDS, None)


def _rewards(told: Row, place: str) -> dict[str, float | None]:
    """The verifier's rewards by name."""
    found = value_at(told, _REWARDS)
    if found is None or found.value is None:
        return {}
    if not isinstance(found.value, Mapping):
        raise schema_error(_REWARDS, "an object of rewards", found.value, place)
    rewards = cast("Row", found.value)
    return {name: score_of(value, f"{_REWARDS}.{name}", place) for name, value in rewards.items()}


def _steps(row: Row, place: str) -> tuple[list[tuple[Row, str]], set[Location]]:
    """The steps of a document and of its continuations, with places; and the files of those."""
    found = _own_steps(row, place)
    files: set[Location] = set()
    more = continuation_of(row.get("continued_trajectory_ref"), place)
    while more is not None and more[0] not in files:
        file, document = more
        files.add(file)
        found += _own_steps(document, str(file))
        more = continuation_of(document.get("continued_trajectory_ref"), str(file))
    return found, files


def _own_steps(row: Row, place: str) -> list[tuple[Row, str]]:
    steps = items_of(row.get("steps") or [])
    if steps is None:
        raise schema_error("steps", "a list of objects", row.get("steps"), place)
    found: list[tuple[Row, str]] = []
    for number, step in enumerate(steps, start=1):
        where = f"{place} step {number}"
        if not isinstance(step, Mapping):
            raise schema_error("steps", "a list of objects", step, where)
        source = cast("Row", step).get("source")
        if not isinstance(source, str) or source not in _SOURCES:
            raise schema_error("source", "system, user or agent", source, where)
        if not cast("Row", step).get("is_copied_context"):
            found.append((cast("Row", step), where))
    return found


def _first_messages(steps: Sequence[tuple[Row, str]]) -> list[Any]:
    """The messages before the first step of the agent."""
    found: list[Any] = []
    for step, _ in steps:
        if step["source"] == "agent":
            break
        found.append(step.get("message"))
    return found


def _turns(steps: Sequence[tuple[Row, str]], place: str) -> list[dict[str, Any]]:
    """The steps of the agent's model; a turn observes what came before it, not its own results."""
    turns: list[dict[str, Any]] = []
    seen: list[Row] = []
    before: datetime | None = None
    for step, where in steps:
        now = _time(step.get("timestamp"), where)
        if step["source"] == "agent" and step.get("llm_call_count") != 0:
            turns += dialogue_turns([*seen, _answer(step, where)], "message", where)
            turns[-1].update(_measures(step, where))
            turns[-1]["seconds"] = _seconds(before, now)
            seen = []
        else:
            role = "system" if step["source"] == "system" else "user"
            seen.append({"role": role, "content": step.get("message")})
        seen += _results(step, where)
        before = now or before
    return turns


def _answer(step: Row, place: str) -> Row:
    calls = items_of(step.get("tool_calls") or [])
    if calls is None or not all(isinstance(call, Mapping) for call in calls):
        raise schema_error("tool_calls", "a list of objects", step.get("tool_calls"), place)
    return {
        "role": "assistant",
        "content": step.get("message"),
        "reasoning_content": step.get("reasoning_content"),
        "tool_calls": [
            {"name": call.get("function_name"), "arguments": call.get("arguments")}
            for call in calls
        ],
    }


def _results(step: Row, place: str) -> list[Row]:
    """What a step was answered, as messages."""
    observation = step.get("observation")
    if observation is None:
        return []
    if not isinstance(observation, Mapping):
        raise schema_error("observation", "an object with `results`", observation, place)
    results = items_of(cast("Row", observation).get("results") or [])
    if results is None or not all(isinstance(each, Mapping) for each in results):
        raise schema_error("results", "a list of objects", results, place)
    messages: list[Row] = [{"role": "tool", "content": each.get("content")} for each in results]
    texts_of(messages, "results", place)  # a content of a wrong type is named with its own step
    return messages


def _measures(step: Row, place: str) -> dict[str, Any]:
    """The token ids of a step, or else their number."""
    metrics = step.get("metrics")
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise schema_error("metrics", "an object", metrics, place)
    own = cast("Row", metrics)
    ids = checked_ids(own.get("completion_token_ids"), "completion_token_ids", place)
    count = checked_count(own.get("completion_tokens"), "completion_tokens", place)
    return {"token_count": count} if ids is None else {"tokens": ids, "token_count": len(ids)}


def _time(text: Any, place: str) -> datetime | None:
    """A time in ISO 8601, in UTC where it names no zone."""
    if text is None:
        return None
    try:
        plain = re.sub(r"\.(\d+)", lambda found: f".{found[1][:6]:0<6}", text).replace(
            "Z", "+00:00"
        )
        found = datetime.fromisoformat(plain)
    except (TypeError, ValueError):
        raise schema_error("timestamp", "a time in ISO 8601", text, place) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)


def _seconds(before: datetime | None, now: datetime | None) -> float | None:
    """The time since the step before."""
    return None if before is None or now is None else max(0.0, (now - before).total_seconds())


_PIECES = Pieces(_convert, _notes, _settle)
ATIF = RolloutFormat(
    name="atif",
    keys=frozenset(),
    convert=in_one_piece(_PIECES),
    pieces=_PIECES,
    options=("keys",),
    written_by="agents in ATIF 1.7 or 1.8; Harbor's job folders",
    detect=_is_atif,
    detected_by="`schema_version` ATIF…, `steps`",
    sources={
        "anchor": "the steps before each step of the agent",
        "duration": _WORDS["seconds"],
        "turn_length": f"{_WORDS['tokens']}, or {_WORDS['token_count']}",
        "length": f"{_WORDS['tokens']}, or {_WORDS['token_count']}",
        "rewards": f"`{_REWARDS}` of `result.json`, where all have the same names",
    },
    files=job_files,
)
