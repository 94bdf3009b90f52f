"""The turns of a batch, read one key at a time into padded tensors."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeGuard, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.estimators import information_gain
from creditlib.shaping import outcome_at_last_turn
from creditlib.vocabulary.messages import ContractError

__all__ = ["Turns", "is_count", "is_number", "items_of", "schema_error", "turn_tensors"]

_LARGEST = float(torch.finfo(torch.float32).max)
# key of a turn -> tensor it fills and the smallest value it may have
_NUMBERS: dict[str, tuple[str, float]] = {
    "reward": ("turn_reward", -_LARGEST),
    "seconds": ("duration", 0.0),
    "process_reward": ("process_reward", -_LARGEST),
    "gold_log_prob": ("gold_log_prob", -_LARGEST),
}


@dataclass(frozen=True)
class Turns:
    """All turns of a batch in one list, so that each key is read in one pass."""

    flat: list[Mapping[str, Any]]
    counts: list[int]
    places: Sequence[str]

    @property
    def count(self) -> Tensor:
        """Turns of each trajectory."""
        return torch.tensor(self.counts, dtype=torch.int64)

    def place(self, index: int) -> str:
        """Where a message sends the reader: file, line and turn; turns count from 0."""
        ends = list(accumulate(self.counts))
        row = bisect_right(ends, index)
        return f"{self.places[row]} turn {index - (ends[row] - self.counts[row])}"

    def padded(self, values: Sequence[Any] | Tensor, dtype: torch.dtype, fill: float = 0) -> Tensor:
        """[batch turn], values in order, `fill` behind the last turn of each trajectory."""
        width = max(self.counts, default=0)
        found = torch.full((len(self.counts), width), fill, dtype=dtype)
        found[torch.arange(width) < self.count[:, None]] = torch.as_tensor(values, dtype=dtype)
        return found


def schema_error(key: str, contract: str, value: object, place: str) -> ContractError:
    """The sentence on a value that breaks its contract, with the place it was read.

    >>> print(schema_error("outcome", "a finite number or null", "x", "run/1.jsonl line 3"))
    rollouts: `outcome` must be a finite number or null, got 'x' in run/1.jsonl line 3.
    """
    text = repr(value)
    shown = text if len(text) <= 60 else text[:57] + "..."
    return ContractError(f"rollouts: `{key}` must be {contract}, got {shown} in {place}.")


def items_of(value: object) -> Sequence[Any] | None:
    """The items of a list, None for anything else; text is no list."""
    return cast("Sequence[Any]", value) if isinstance(value, (list, tuple)) else None


def is_number(value: object) -> TypeGuard[float]:
    """A number that float32 can hold; True is not one, and neither is NaN.

    >>> [is_number(value) for value in (1, 0.5, True, float("nan"), 1e39, "1")]
    [True, True, False, False, False, False]
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    return bool(-_LARGEST <= value <= _LARGEST)


def is_count(value: object) -> TypeGuard[int]:
    """A whole number from 0 that int64 can hold.

    >>> [is_count(value) for value in (0, 7, -1, 1.0, True)]
    [True, True, False, False, False]
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        return False
    return bool(0 <= value < 2**62)


def turn_tensors(turns: Turns, reward: Tensor) -> dict[str, Tensor]:
    """Every tensor of shape [batch turn] that the turns have the keys for."""
    tensors: dict[str, Tensor] = {}
    for key, (name, low) in _NUMBERS.items():
        contract = "a finite number" if low < 0 else "a finite number, at least 0"
        values = _every_turn(turns, key, contract, lambda v, low=low: is_number(v) and v >= low)
        if values is not None:
            tensors[name] = turns.padded(values, torch.float32)
    if "turn_reward" not in tensors:
        tensors["turn_reward"] = outcome_at_last_turn(
            reward=reward, turn_count=turns.count, turns=max(turns.counts, default=0)
        )
    lengths = _token_counts(turns)
    if lengths is not None:
        tensors["turn_length"] = turns.padded(lengths, torch.int64)
    if "gold_log_prob" in tensors:
        tensors["information_gain"] = information_gain(
            gold_log_prob=tensors["gold_log_prob"], turn_count=turns.count
        )
    return tensors


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple, np.ndarray))


def _every_turn(
    turns: Turns, key: str, contract: str, accepts: Callable[[Any], bool]
) -> list[Any] | None:
    """The key's values if every turn has it, None if no turn has it; null is the same as absent."""
    values = [turn.get(key) for turn in turns.flat]
    missing = sum(value is None for value in values)
    if missing == len(values):
        return None
    for index, value in enumerate(values):
        if value is None:
            place = turns.place(index)
            raise ContractError(
                f"rollouts: `{key}` must be in every turn or in none, got none in {place}."
            )
        if not accepts(value):
            raise schema_error(key, contract, value, turns.place(index))
    return values


def _token_counts(turns: Turns) -> list[int] | None:
    """Tokens the policy wrote in each turn, from `token_count` or `tokens`; both must agree."""
    counted = _every_turn(turns, "token_count", "a whole number, at least 0", is_count)
    listed = _every_turn(turns, "tokens", "a list of token ids", _is_list)
    tokens = None if listed is None else [len(values) for values in listed]
    if counted is None or tokens is None:
        return tokens if counted is None else counted
    for index, (count, length) in enumerate(zip(counted, tokens, strict=True)):
        if count != length:
            place = turns.place(index)
            raise schema_error("token_count", f"the length of `tokens`, {length}", count, place)
    return counted
