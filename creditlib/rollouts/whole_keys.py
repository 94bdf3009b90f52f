"""Keys of turns that a batch has in every turn, or in none: the others are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from creditlib.rollouts.pieces import PieceFacts
from creditlib.rollouts.schema import NUMBERS

__all__ = ["common_reward_notes", "partial_tensors", "whole_key_notes", "with_whole_keys"]


def with_whole_keys(
    facts: PieceFacts,
    trajectories: Sequence[dict[str, Any]],
    keys: Sequence[str] = (),
    *,
    rewards: bool = False,
) -> PieceFacts:
    """Remove keys that some turns have and some have not; the facts with what was found.

    A tensor exists only if every turn has its key, and what a format writes for some turns only is
    no fault of the file. The trajectories are changed in place. With `rewards` the value of that
    key is a mapping of names: it becomes a list of objectives where all trajectories have the same
    names, or is left out. A trajectory without an outcome needs no names.

    >>> turns = [{"text": "a", "seconds": 1.0}, {"text": "b"}]
    >>> with_whole_keys(PieceFacts(), [{"turns": turns}], ["seconds"]).lacking, turns
    ({'seconds': 1}, [{'text': 'a'}, {'text': 'b'}])
    >>> rows = [{"outcome": 1.5, "rewards": {"tests": 1.0, "style": 0.5}, "turns": []}]
    >>> with_whole_keys(PieceFacts(), rows, rewards=True).rewards
    frozenset({('tests', 'style')})
    >>> rows[0]["rewards"]
    [1.0, 0.5]
    """
    turns: list[dict[str, Any]] = [turn for row in trajectories for turn in row["turns"]]
    lacking = {key: sum(turn.get(key) is None for turn in turns) for key in keys}
    for key, count in lacking.items():
        if count:
            for turn in turns:
                turn.pop(key, None)
    names = _common_rewards(trajectories) if rewards else frozenset[tuple[str, ...]]()
    return replace(facts, turns=len(turns), lacking=lacking, rewards=names)


def _common_rewards(trajectories: Sequence[dict[str, Any]]) -> frozenset[tuple[str, ...]]:
    names = frozenset(
        tuple(row["rewards"])
        for row in trajectories
        if row["rewards"] or row["outcome"] is not None
    )
    for row in trajectories:
        values = row.pop("rewards")
        if len(names) == 1 and values:
            row["rewards"] = list(values.values())
    return names


def partial_tensors(facts: PieceFacts) -> frozenset[str]:
    """The tensors of keys that some turns or trajectories of all pieces have and others lack.

    >>> sorted(partial_tensors(PieceFacts(turns=3, lacking={"seconds": 1, "tokens": 0})))
    ['duration']
    """
    lacking = facts.lacking
    found = {NUMBERS[key].tensor for key in NUMBERS if lacking.get(key)}
    counts = [lacking[key] for key in ("tokens", "token_count") if key in lacking]
    if counts and all(counts):
        found |= {"turn_length", "length"}
    return frozenset(found | ({"rewards"} if len(facts.rewards) > 1 else set()))


def whole_key_notes(facts: PieceFacts, words: Mapping[str, str]) -> list[str]:
    """One note for each key that was left out; `words` say the format's own key.

    >>> whole_key_notes(PieceFacts(turns=2, lacking={"seconds": 1}), {"seconds": "`timestamp`"})
    ['seconds are left out: 1 of 2 turns has none from `timestamp`.']
    """
    notes: list[str] = []
    for key, own in words.items():
        count = facts.lacking.get(key, 0)
        if 0 < count < facts.turns:
            have = "has" if count == 1 else "have"
            are = "are" if key.endswith("s") else "is"
            notes.append(
                f"{key} {are} left out: {count} of {facts.turns} turns {have} none from {own}."
            )
    return notes


def common_reward_notes(facts: PieceFacts) -> list[str]:
    """The order of the names of rewards, where all trajectories have the same names.

    >>> common_reward_notes(PieceFacts(rewards=frozenset({("tests", "style")})))
    ['rewards = tests, style.']
    """
    common = next(iter(facts.rewards)) if len(facts.rewards) == 1 else ()
    return [f"rewards = {', '.join(common)}."] if common else []
