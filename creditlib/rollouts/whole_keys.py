"""Keys of turns that a batch has in every turn, or in none: the others are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["keep_common_rewards", "keep_whole_keys"]


def keep_whole_keys(
    trajectories: Sequence[Mapping[str, Any]], keys: Mapping[str, str]
) -> list[str]:
    """Remove keys that some turns have and some have not; one note for each.

    A tensor exists only if every turn has its key, and what a format writes for some turns only is
    no fault of the file. `keys` maps a key of a turn to the words for the format's own key. The
    turns are changed in place.

    >>> turns = [{"text": "a", "seconds": 1.0}, {"text": "b"}]
    >>> keep_whole_keys([{"turns": turns}], {"seconds": "the steps' `timestamp`"})
    ["seconds are left out: 1 of 2 turns has none from the steps' `timestamp`."]
    >>> turns
    [{'text': 'a'}, {'text': 'b'}]
    """
    turns: list[dict[str, Any]] = [turn for row in trajectories for turn in row["turns"]]
    notes: list[str] = []
    for key, words in keys.items():
        lacking = sum(turn.get(key) is None for turn in turns)
        if lacking:
            for turn in turns:
                turn.pop(key, None)
        if 0 < lacking < len(turns):
            have = "has" if lacking == 1 else "have"
            are = "are" if key.endswith("s") else "is"
            notes.append(
                f"{key} {are} left out: {lacking} of {len(turns)} turns {have} none from {words}."
            )
    return notes


def keep_common_rewards(trajectories: Sequence[dict[str, Any]]) -> list[str]:
    """Rewards by name as a list of objectives where all trajectories have the same names.

    The value of `rewards` is a mapping of names; it becomes a list, or is left out. A trajectory
    without an outcome needs no names. The trajectories are changed in place; a note says the order
    of the names.

    >>> rows = [{"outcome": 1.5, "rewards": {"tests": 1.0, "style": 0.5}}]
    >>> keep_common_rewards(rows), rows
    (['rewards = tests, style.'], [{'outcome': 1.5, 'rewards': [1.0, 0.5]}])
    """
    names = {
        tuple(row["rewards"])
        for row in trajectories
        if row["rewards"] or row["outcome"] is not None
    }
    common = next(iter(names)) if len(names) == 1 else ()
    for row in trajectories:
        values = row.pop("rewards")
        if common and values:
            row["rewards"] = list(values.values())
    return [f"rewards = {', '.join(common)}."] if common else []
