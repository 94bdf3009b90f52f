"""verifiers' episodes (`traces.jsonl`) as trajectories, and credit as their `advantages`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from creditlib.rollouts.conversation import dialogue_turns
from creditlib.rollouts.pieces import Piece, PieceFacts, Pieces
from creditlib.rollouts.prompt_names import prompt_name
from creditlib.rollouts.rollout_format import RolloutFormat, Row, in_one_piece
from creditlib.rollouts.token_lists import checked_count, checked_ids
from creditlib.rollouts.values import is_count, items_of, number_of, schema_error, score_of
from creditlib.rollouts.whole_keys import common_reward_notes, whole_key_notes, with_whole_keys
from creditlib.vocabulary.messages import ContractError

__all__ = ["VERIFIERS"]

_TOKENS = "`token_ids` and `mask` of the sampled nodes"
_WORDS = {
    "tokens": _TOKENS,
    "token_count": "`usage.completion_tokens` of the calls",
    "seconds": "the nodes' `timestamp`",
}


class _Trace(NamedTuple):
    """A trace that trains the policy: its place, its own object, and that of its episode."""

    place: str
    trace: Row
    episode: Row


def _convert(rows: Sequence[Row], places: Sequence[str]) -> Piece:
    """One trajectory per trace of an episode; each sampled node is a turn."""
    found: list[dict[str, Any]] = []
    own_places: list[str] = []
    traces = 0
    for row, place in zip(rows, places, strict=True):
        traces += len(items_of(row["traces"]) or ())
        for each in _trained(row, place):
            found.append(_trajectory(each))
            own_places.append(each.place)
    facts = PieceFacts(counts={"traces": traces, "trained": len(found)})
    return Piece(found, own_places, with_whole_keys(facts, found, list(_WORDS), rewards=True))


def _notes(facts: PieceFacts) -> list[str]:
    notes = ["group = the id of an episode's group, or its task; outcome = sum of score * weight."]
    traces = facts.counts.get("traces", 0)
    left = traces - facts.counts.get("trained", 0)
    if left:
        notes.append(f"{left} of {traces} traces do not train the policy: left out.")
    return [*notes, *whole_key_notes(facts, _WORDS), *common_reward_notes(facts)]


def _trained(row: Row, place: str) -> Iterator[_Trace]:
    """The traces of an episode whose agent is trainable."""
    traces = items_of(row["traces"])
    if traces is None:
        raise schema_error("traces", "a list of objects", row["traces"], place)
    for number, trace in enumerate(traces):
        where = f"{place} traces[{number}]"
        own = _object(trace, "traces", where)
        if _inner(own, "agent", where).get("trainable", True):
            yield _Trace(where, own, row)


def _object(value: object, key: str, place: str) -> Row:
    if not isinstance(value, Mapping):
        raise schema_error(key, "an object", value, place)
    return cast("Row", value)


def _inner(row: Row, key: str, place: str) -> Row:
    """An object of a row, empty where it is null or absent."""
    value = row.get(key)
    return {} if value is None else _object(value, key, place)


def _trajectory(own: _Trace) -> dict[str, Any]:
    place, trace, _ = own
    rewards = {
        name: None if reward is None else _object(reward, "rewards", place)
        for name, reward in _inner(trace, "rewards", place).items()
    }
    scores = {
        name: None if reward is None else score_of(reward.get("score"), "score", place)
        for name, reward in rewards.items()
    }
    terms = [
        score * _weight(rewards[name] or {}, place)
        for name, score in scores.items()
        if score is not None
    ]
    trajectory: dict[str, Any] = {
        "group": _group(own),
        "outcome": sum(terms) if terms else None,
        "turns": _turns(trace, place),
        "rewards": scores,
    }
    if isinstance(trace.get("id"), str):
        trajectory["id"] = trace["id"]
    return trajectory


def _weight(reward: Row, place: str) -> float:
    weight = number_of(reward.get("weight", 1.0), "weight", place, "a finite number", flag=False)
    return 1.0 if weight is None else weight


def _group(own: _Trace) -> str:
    """The group of the episode, or its task within a step; agents of one name are peers."""
    group = _inner(own.episode, "group", own.place).get("id")
    task = _inner(own.trace, "task", own.place) or _inner(own.episode, "task", own.place)
    name = next((each for each in (group, task.get("key"), task.get("hash")) if each), None)
    if name is None:
        data = _inner(task, "data", own.place)
        names = (data.get("idx"), data.get("id"))
        name = next((each for each in names if each is not None), None)
        name = prompt_name(data) if name is None else name
    work = _inner(_inner(own.episode, "run", own.place), "work", own.place)
    if not group and work.get("step") is not None:
        name = f"{work['step']}/{name}"
    agent = _inner(own.trace, "agent", own.place).get("name", "agent")
    return str(name) if agent == "agent" else f"{name}/{agent}"


def _nodes(trace: Row, place: str) -> list[Row]:
    nodes = items_of(trace.get("nodes") or [])
    if nodes is None:
        raise schema_error("nodes", "a list of objects", trace.get("nodes"), place)
    return [_object(node, "nodes", f"{place} nodes[{n}]") for n, node in enumerate(nodes)]


def _turns(trace: Row, place: str) -> list[dict[str, Any]]:
    """One turn for each sampled node, in the order of the nodes, whatever branch it lies on."""
    nodes = _nodes(trace, place)
    calls = _calls(trace, place)
    before = _inner(_inner(trace, "timing", place), "agent", place).get("start") or None
    turns: list[dict[str, Any]] = []
    for number, node in enumerate(nodes):
        if not node.get("sampled"):
            continue
        where = f"{place} nodes[{number}]"
        seen = [_message(each, place) for each in _path(nodes, number, where)]
        turn = dialogue_turns(
            [*seen, {**_message(node, where), "role": "assistant"}], "nodes", where
        )
        turns.append(_last(turn))
        turns[-1]["tokens"] = _sampled_tokens(node, where) if node.get("token_ids") else None
        turns[-1]["token_count"] = None if node.get("token_ids") else calls.get(number)
        now = node.get("timestamp")
        turns[-1]["seconds"] = _seconds(before, now, where)
        before = now
    return turns


def _last(turns: list[dict[str, Any]]) -> dict[str, Any]:
    """The last turn; what the prompt had the assistant say before it is part of no turn."""
    return turns[-1]


def _message(node: Row, place: str) -> Row:
    return _object(node.get("message"), "message", place)


def _path(nodes: Sequence[Row], number: int, place: str) -> list[Row]:
    """The nodes between a node and the sampled one above it, in order."""
    found: list[Row] = []
    seen = {number}
    parent = nodes[number].get("parent")
    while parent is not None:
        if not is_count(parent) or parent >= len(nodes) or parent in seen:
            raise schema_error("parent", "the number of a node above", parent, place)
        seen.add(parent)
        if nodes[parent].get("sampled"):
            break
        found.append(nodes[parent])
        parent = nodes[parent].get("parent")
    return found[::-1]


def _calls(trace: Row, place: str) -> dict[int, Any]:
    """Tokens that the model wrote, by the node that a call committed."""
    found: dict[int, Any] = {}
    for call in items_of(trace.get("calls") or []) or ():
        own = _object(call, "calls", place)
        node = own.get("node")
        if is_count(node):
            count = _inner(own, "usage", place).get("completion_tokens")
            found[node] = checked_count(count, "completion_tokens", place)
    return found


def _seconds(before: Any, now: Any, place: str) -> float | None:
    """The time since the sampled node before, or since the agent started."""
    contract = "a number of seconds"
    first = number_of(before, "timestamp", place, contract, flag=False)
    last = number_of(now, "timestamp", place, contract, flag=False)
    return None if first is None or last is None else max(0.0, last - first)


def _sampled_tokens(node: Row, place: str) -> list[Any]:
    ids, mask = items_of(node["token_ids"]), items_of(node.get("mask") or [])
    if ids is None:
        raise schema_error("token_ids", "a flat list of token ids", node["token_ids"], place)
    checked_ids(ids, "token_ids", place)
    if mask is None or len(mask) != len(ids):
        size = None if mask is None else len(mask)
        raise schema_error("mask", f"as long as `token_ids`, {len(ids)}", size, place)
    return [token for token, is_sampled in zip(ids, mask, strict=True) if is_sampled]


def _with_credit(row: Row, place: str, credit: Sequence[Sequence[float]]) -> Row:
    """The episode with `advantages` in its sampled nodes: the credit of the turn for each token."""
    traces = list(items_of(row["traces"]) or ())
    trained = list(_trained(row, place))
    if len(trained) != len(credit):
        raise ContractError(
            f"with_credit: `credit` must have one list for each of {len(trained)} traces, got "
            f"{len(credit)} in {place}."
        )
    numbers = [int(each.place.rpartition("[")[2].rstrip("]")) for each in trained]
    for number, each, values in zip(numbers, trained, credit, strict=True):
        nodes = _nodes(each.trace, each.place)
        sampled = [n for n, node in enumerate(nodes) if node.get("sampled")]
        if len(sampled) != len(values):
            raise ContractError(
                f"with_credit: `credit` must have one number for each of {len(sampled)} turns, got "
                f"{len(values)} in {each.place}."
            )
        for n, value in zip(sampled, values, strict=True):
            ids = nodes[n].get("token_ids") or []
            count = len(_sampled_tokens(nodes[n], f"{each.place} nodes[{n}]")) if ids else 0
            nodes[n] = {**nodes[n], "advantages": [float(value)] * count}
        traces[number] = {**each.trace, "nodes": nodes}
    return {**row, "traces": traces}


_PIECES = Pieces(_convert, _notes)
VERIFIERS = RolloutFormat(
    name="verifiers",
    keys=frozenset(("traces",)),
    convert=in_one_piece(_PIECES),
    pieces=_PIECES,
    written_by="verifiers' `traces.jsonl`, prime-rl",
    sources={
        "anchor": "the nodes between a sampled node and the sampled one above it",
        "duration": _WORDS["seconds"],
        "turn_length": f"{_TOKENS}, or {_WORDS['token_count']}",
        "length": f"{_TOKENS}, or {_WORDS['token_count']}",
        "rewards": "the traces' `rewards`, where all have the same names",
    },
    with_credit=_with_credit,
)
