"""Keys that a user may name: which key of a row holds its group, its outcome, its messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from creditlib.rollouts.pieces import PieceFacts, check_one_key
from creditlib.rollouts.rollout_format import Row
from creditlib.vocabulary.messages import ContractError, contract_error, did_you_mean, one_line

__all__ = ["Found", "KeyNames", "read_keys", "used_keys", "value_at"]

_SHOWN = 20  # keys in a sentence


class Found(NamedTuple):
    """A key of a row, and the value under it."""

    key: str
    value: Any


def value_at(row: Row, key: str) -> Found | None:
    """The value under a key, or under a path of keys joined by dots; None if the row has none.

    A null on the way is a null at its end.

    >>> value_at({"info": {"reward": 1.0}}, "info.reward")
    Found(key='info.reward', value=1.0)
    """
    if key in row:
        return Found(key, row[key])
    value: object = row
    for part in key.split("."):
        if value is None:
            return Found(key, None)
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return Found(key, value)


class KeyNames:
    """The keys under which rows hold what a reader needs, such as their group and outcome.

    defaults: meaning -> the keys that are looked for, in order; the first one that a row has
        counts.
    given: meaning -> the key that the user named instead.

    A meaning must lie under the same key in all rows, so that a reward is never mixed with another
    score.

    >>> names = KeyNames({"group": ("group", "task_id")}, None)
    >>> names.find({"task_id": 7}, "group", "x.jsonl line 1")
    Found(key='task_id', value=7)
    """

    def __init__(
        self, defaults: Mapping[str, Sequence[str]], given: Mapping[str, str] | None
    ) -> None:
        self._given = _checked(defaults, given)
        self._keys = {**defaults, **self._given}
        self.used: dict[str, tuple[str, str]] = {}

    def find(self, row: Row, meaning: str, place: str) -> Found | None:
        """The first key of a meaning that the row has, with its value; None if it has none.

        ContractError: another row had it under another key.
        """
        for key in self._keys[meaning]:
            found = value_at(row, key)
            if found is not None:
                return self.use(meaning, found, place)
        return None

    def use(self, meaning: str, found: Found, place: str) -> Found:
        """The key as the one of a meaning; another row must not have had it under another key."""
        here = (found.key, place)
        check_one_key(meaning, self.used.setdefault(meaning, here), here)
        return found

    def is_given(self, meaning: str) -> bool:
        """Whether the user named the key of a meaning."""
        return meaning in self._given

    def missing(self, row: Row, meaning: str, what: str, place: str) -> ContractError:
        """The sentence on a row that lacks a meaning; `what` says it in words."""
        listed = [f"`{key}`" for key in self._keys[meaning]]
        wanted = listed[0] if len(listed) == 1 else f"one of {', '.join(listed)}"
        names = [f"`{one_line(key)}`" for key in list(row)[:_SHOWN]]
        more = f" and {len(row) - _SHOWN} more" if len(row) > _SHOWN else ""
        got = f"{', '.join(names)}{more}" if names else "none"
        return ContractError(
            f"rollouts: {what} must lie under {wanted}, got the keys {got} in {place}; name its "
            f"key by `keys={{{meaning!r}: KEY}}` or `--key {meaning}=KEY`."
        )


def used_keys(facts: PieceFacts) -> list[str]:
    """The note on which key was read as what, if any was.

    >>> used_keys(PieceFacts(used={"group": ("task_id", "x line 1")}))
    ['group = `task_id`.']
    """
    parts = [f"{meaning} = `{one_line(key)}`" for meaning, (key, _) in facts.used.items()]
    return [f"{', '.join(parts)}."] if parts else []


def read_keys(facts: PieceFacts) -> frozenset[str]:
    """The keys of a row that were read, of a path the first one.

    >>> sorted(read_keys(PieceFacts(used={"outcome": ("info.reward", "x line 1")})))
    ['info', 'info.reward']
    """
    keys = [key for key, _ in facts.used.values()]
    return frozenset(keys) | {key.split(".")[0] for key in keys}


def _checked(
    defaults: Mapping[str, Sequence[str]], given: Mapping[str, str] | None
) -> dict[str, tuple[str, ...]]:
    """The keys that the user named; a meaning that does not exist is refused."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        wanted = "a mapping such as {'group': 'task_id'}"
        raise contract_error("read", "keys", wanted, type(given).__name__)
    found: dict[str, tuple[str, ...]] = {}
    for meaning, key in given.items():
        if meaning not in defaults:
            hint = did_you_mean(meaning, defaults)
            known = ", ".join(repr(each) for each in defaults)
            raise contract_error("read", "keys", f"named by {known}", f"{meaning!r}{hint}")
        if not isinstance(key, str) or not key:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise contract_error("read", "keys", f"the name of a key for {meaning}", repr(key))
        found[meaning] = (key,)
    return found
