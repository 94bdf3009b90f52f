"""The turns of a batch, read one key at a time into padded tensors."""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.estimators import information_gain
from creditlib.rollouts.schema import NUMBERS, TURN_KEYS, Number, similar_key
from creditlib.rollouts.token_lists import are_all_token_ids, are_token_ids
from creditlib.rollouts.values import (
    MOST,
    is_count,
    number_of,
    schema_error,
)
from creditlib.shaping import outcome_at_last_turn
from creditlib.vocabulary.messages import ContractError

__all__ = ["Turns", "padded_tensors", "turn_tensors"]


@dataclass(frozen=True)
class Turns:
    """All turns of a batch in one list, so that each key is read in one pass."""

    flat: list[Mapping[str, Any]]
    counts: list[int]
    places: Sequence[str]

    @functools.cached_property
    def keys(self) -> frozenset[Any]:
        """Every key that any turn has."""
        return frozenset().union(*self.flat)

    @property
    def count(self) -> Tensor:
        """Turns of each trajectory."""
        return torch.tensor(self.counts, dtype=torch.int64, device="cpu")

    def place(self, index: int) -> str:
        """Where a message sends the reader: file, line and turn; turns count from 0."""
        ends = list(accumulate(self.counts))
        row = bisect_right(ends, index)
        return f"{self.places[row]} turn {index - (ends[row] - self.counts[row])}"

    def padded(self, values: Sequence[Any] | Tensor, dtype: torch.dtype, fill: float = 0) -> Tensor:
        """[batch turn], values in order, `fill` behind the last turn of each trajectory."""
        width = max(self.counts, default=0)
        found = torch.full((len(self.counts), width), fill, dtype=dtype, device="cpu")
        found[torch.arange(width, device="cpu") < self.count[:, None]] = torch.as_tensor(
            values, dtype=dtype, device="cpu"
        )
        return found


def turn_tensors(turns: Turns, reward: Tensor) -> dict[str, Tensor]:
    """Every tensor of shape [batch turn] that the turns have the keys for."""
    numbers = {number.tensor: _numbers(turns, key, number) for key, number in NUMBERS.items()}
    return padded_tensors(turns, numbers, _token_counts(turns), reward)


def padded_tensors(
    turns: Turns,
    numbers: Mapping[str, Sequence[float] | Tensor | None],
    lengths: Sequence[int] | Tensor | None,
    reward: Tensor,
) -> dict[str, Tensor]:
    """Every tensor of shape [batch turn] of numbers and of token counts, one for each turn.

    None is no tensor; where no turn has a reward, the outcome is the reward of the last one.
    """
    tensors = {
        name: turns.padded(values, torch.float32)
        for name, values in numbers.items()
        if values is not None
    }
    if "turn_reward" not in tensors:
        tensors["turn_reward"] = outcome_at_last_turn(
            reward=reward, turn_count=turns.count, turns=max(turns.counts, default=0)
        )
    if lengths is not None:
        _check_sums(turns, lengths)
        tensors["turn_length"] = turns.padded(lengths, torch.int64)
    if "gold_log_prob" in tensors:
        tensors["information_gain"] = information_gain(
            gold_log_prob=tensors["gold_log_prob"], turn_count=turns.count
        )
    return tensors


def _numbers(turns: Turns, key: str, number: Number) -> Sequence[float] | Tensor | None:
    """The key's numbers if every turn has one, None if no turn has one."""
    if key not in turns.keys:
        return None
    values: list[Any] = [turn.get(key) for turn in turns.flat]
    plain = _in_range(values, number)
    if plain is not None:
        return plain
    found: list[float | None] = []
    for index, value in enumerate(values):
        place = functools.partial(turns.place, index)
        found.append(number_of(value, key, place, number.contract, number.limits, number.flag))
    return _all_or_none(turns, key, values, found)


def _in_range(values: Sequence[Any], number: Number) -> Tensor | None:
    """Python numbers that need no second look, None if any value does."""
    if not {float, int}.issuperset(map(type, values)):
        return None
    try:
        found = np.array(values, dtype=np.float64)
    except OverflowError:
        return None
    fits = number.low <= found.min() and found.max() <= number.high  # NaN fails both
    return torch.from_numpy(found) if fits else None


def _all_or_none(
    turns: Turns, key: str, values: Sequence[Any], found: Sequence[Any]
) -> Sequence[Any] | None:
    """What was found if every turn has it, None if no turn has it; else the first turn without.

    null and NaN are the same as absent.
    """
    missing = sum(value is None for value in found)
    if missing == 0:
        return found or None
    if missing == len(found):
        return None
    index = next(index for index, value in enumerate(found) if value is None)
    near = similar_key(key, turns.flat[index], TURN_KEYS)
    got = "none" if values[index] is None else repr(values[index])
    end = f"; it has `{near}`" if near else ""
    raise ContractError(
        f"rollouts: `{key}` must be in every turn or in none, got {got} in {turns.place(index)}"
        f"{end}."
    )


def _every_turn(
    turns: Turns, key: str, contract: str, accepts: Callable[[Any], bool], remedy: str = ""
) -> Sequence[Any] | None:
    """The key's values if every turn has it, None if no turn has it."""
    if key not in turns.keys:
        return None
    values = [turn.get(key) for turn in turns.flat]
    for index, value in enumerate(values):
        if value is not None and not accepts(value):
            raise schema_error(key, contract, value, turns.place(index), remedy)
    return _all_or_none(turns, key, values, values)


def _anything(value: object) -> bool:
    return True


def _check_sums(turns: Turns, lengths: Sequence[int] | Tensor) -> None:
    """Refuse a trajectory whose tokens are too many for int64."""
    if int(np.asarray(lengths).max(initial=0)) * max(turns.counts, default=0) < MOST:
        return
    start = 0
    for count, place in zip(turns.counts, turns.places, strict=True):
        total = sum(map(int, lengths[start : start + count]))
        start += count
        if total >= MOST:
            contract = f"token counts whose sum is below 2^{MOST.bit_length() - 1}"
            raise schema_error("turns", contract, total, place)


def _token_counts(turns: Turns) -> Sequence[int] | None:
    """Tokens the policy wrote in each turn, from `token_count` or `tokens`; both must agree."""
    counted = _every_turn(turns, "token_count", "a whole number, at least 0", is_count)
    contract = "a flat list of token ids, which are integers of at least 0"
    remedy = "flatten the list, or give the number of tokens as `token_count`"
    ids = [turn.get("tokens") for turn in turns.flat] if "tokens" in turns.keys else []
    accepts = _anything if are_all_token_ids(ids) else are_token_ids
    listed = _every_turn(turns, "tokens", contract, accepts, remedy)
    tokens = None if listed is None else [len(values) for values in listed]
    if counted is None or tokens is None:
        return tokens if counted is None else counted
    for index, (count, length) in enumerate(zip(counted, tokens, strict=True)):
        if count != length:
            place = turns.place(index)
            raise schema_error("token_count", f"the length of `tokens`, {length}", count, place)
    return counted
