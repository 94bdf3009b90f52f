"""The keys of creditlib's schema: which tensor each fills, and which keys nobody reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from creditlib.rollouts.values import LARGEST
from creditlib.vocabulary import words
from creditlib.vocabulary.annotations import describe
from creditlib.vocabulary.messages import nearest_name, one_line

__all__ = [
    "NUMBERS",
    "TRAJECTORY_KEYS",
    "TURN_KEYS",
    "Number",
    "keys_of_tensor",
    "similar_key",
    "source_of",
    "unread_keys",
    "unread_note",
]

_SHOWN = 20  # unknown keys in a note


class Number(NamedTuple):
    """A number of each turn: the tensor it fills, its range, and whether flags count."""

    tensor: str
    low: float = -LARGEST
    high: float = LARGEST
    flag: bool = False

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return self.low, self.high

    @property
    def contract(self) -> str:
        """The end of a sentence that says what the number must be."""
        low = f", at least {self.low:g}" if self.low > -LARGEST else ""
        high = f", at most {self.high:g}" if self.high < LARGEST else ""
        return f"a finite number{low}{high}{', true or false' if self.flag else ''}"


def _number(tensor: str, flag: bool = False) -> Number:
    """The number that fills a tensor: float32, and in the range that the vocabulary gives it."""
    low, high = describe(tensor, words.ARGUMENTS[tensor]).limits
    return Number(tensor, max(low, -LARGEST), min(high, LARGEST), flag)


NUMBERS: dict[str, Number] = {
    "reward": _number("turn_reward", flag=True),
    "seconds": _number("duration"),
    "process_reward": _number("process_reward", flag=True),
    "gold_log_prob": _number("gold_log_prob"),
}
TRAJECTORY_KEYS = frozenset(("group", "outcome", "turns", "id", "rewards", "length", "answer"))
TURN_KEYS = frozenset(("observation", "action", "text", "tokens", "token_count", *NUMBERS))

# The keys that fill a tensor; of several, each is enough. The first word says whose keys they are.
_SOURCES: dict[str, tuple[str, tuple[str, ...]]] = {
    "anchor": ("turns'", ("observation",)),
    "action": ("turns'", ("action",)),
    "answer": ("trajectories'", ("answer",)),
    "information_gain": ("turns'", ("gold_log_prob",)),
    "turn_length": ("turns'", ("tokens", "token_count")),
    "length": ("trajectories'", ("length", "tokens", "token_count")),
    "rewards": ("trajectories'", ("rewards",)),
    **{number.tensor: ("turns'", (key,)) for key, number in NUMBERS.items()},
}


def keys_of_tensor(tensor: str) -> tuple[str, ...]:
    """The keys of a file that fill a tensor; none where no file can.

    >>> keys_of_tensor("anchor"), keys_of_tensor("value")
    (('observation',), ())
    """
    return _SOURCES.get(tensor, ("", ()))[1]


def source_of(tensor: str, sources: Mapping[str, str] | None = None) -> str:
    """Whose keys fill a tensor, in words; '' where no key of a file does.

    `sources` are those of another format, see `RolloutFormat`; None stands for creditlib's own.

    >>> source_of("information_gain")
    "the turns' `gold_log_prob`"
    >>> source_of("turn_length")
    "the turns' `tokens` or `token_count`"
    """
    if sources is not None:
        return sources.get(tensor, "")
    owner, keys = _SOURCES.get(tensor, ("", ()))
    if tensor == "length":
        return "the trajectories' `length` or the turns' `tokens` or `token_count`"
    return f"the {owner} " + " or ".join(f"`{key}`" for key in keys) if keys else ""


def similar_key(wanted: str, row: Iterable[str], known: frozenset[str]) -> str:
    """The key of a row that is a near miss of the wanted one, '' if there is none.

    >>> similar_key("observation", {"observaton": "a door", "text": "go"}, TURN_KEYS)
    'observaton'
    """
    return nearest_name(wanted, [str(key) for key in row if key not in known])


def unread_keys(rows: Sequence[Mapping[str, Any]], known: Iterable[str]) -> dict[str, int]:
    """Keys that are not known, and in how many rows each has a value; null is no value.

    >>> unread_keys([{"text": "go", "tool": 3}, {"tool": None}], TURN_KEYS)
    {'tool': 1}
    """
    strange = set[str]().union(*rows).difference(known)
    if not strange:
        return {}
    ordered = dict.fromkeys(key for row in rows for key in row if key in strange)
    counts = {key: sum(row.get(key) is not None for row in rows) for key in ordered}
    return {key: count for key, count in counts.items() if count}


def unread_note(
    found: Sequence[tuple[str, Mapping[str, int]]], known: Mapping[str, frozenset[str]]
) -> str:
    """The sentence on keys that nobody reads, '' if there are none.

    `found` lists unread keys by what they are keys of: "turn", "trajectory" or "row"; `known` has
    the keys that are read there.

    >>> print(unread_note([("turn", {"observaton": 2, "tool": 1})], {"turn": TURN_KEYS}))
    unknown keys are not read: `observaton` (2 turns; did you mean `observation`?), `tool` (1 turn).
    """
    parts: list[str] = []
    for noun, counts in found:
        plural = "trajectories" if noun == "trajectory" else f"{noun}s"
        for key, count in counts.items():
            near = nearest_name(key, known.get(noun, ()))
            hint = f"; did you mean `{near}`?" if near else ""
            parts.append(f"`{one_line(key)}` ({count} {noun if count == 1 else plural}{hint})")
    if not parts:
        return ""
    more = f" and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    return f"unknown keys are not read: {', '.join(parts[:_SHOWN])}{more}."
