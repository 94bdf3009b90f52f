"""Value checks: what a shape contract cannot see and a hot path must not pay for."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from creditlib import vocabulary
from creditlib.annotations import describe
from creditlib.contract import check_offsets, check_tensors, refuse
from creditlib.layouts import rows_of
from creditlib.ops.masks import real_turns
from creditlib.word import Word

__all__ = ["check_batch", "vocabulary_words"]

_MANY_MEANINGS = {"credit", "weight"}  # what these hold differs from function to function


@functools.cache
def vocabulary_words() -> dict[str, Any]:
    """Argument name -> alias: `turn_reward` -> TurnReward.

    >>> "turn_reward" in vocabulary_words()
    True
    """
    return {
        re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): getattr(vocabulary, name)
        for name in vocabulary.__all__
    }


def check_batch(batch: Mapping[str, Any]) -> None:
    """Refuse a batch whose values break the vocabulary, naming the first row and value found.

    Looks at every key that is a name of the vocabulary: shapes, dtypes and devices as every
    estimator does; then values, which makes a GPU wait: finite, in range, turn counts that fit,
    turn ids below `turn_count`, offsets that rise from 0 to the number of tokens, no reward where
    no written token would get it. Padding and rows excluded by `valid` are not looked at.

    >>> import torch
    >>> seconds = torch.tensor([[1.0, 9.0], [-1.0, 9.0]])
    >>> try:
    ...     check_batch({"duration": seconds, "turn_count": torch.tensor([1, 1])})
    ... except ValueError as error:
    ...     print(error)
    check_batch: `duration` must be at least 0, got -1.0 in row 1, turn 0.
    """
    words = vocabulary_words()
    given = set(batch.keys()) - _MANY_MEANINGS
    known = {name: batch[name] for name in words if name in given and batch[name] is not None}
    arguments = {name: describe(name, words[name]) for name in known}
    check_tensors("check_batch", tuple(a for a in arguments.values() if a.shapes), known)
    tensors: dict[str, Tensor] = {name: x for name, x in known.items() if arguments[name].shapes}
    _check_turn_count(tensors)
    _check_offsets(tensors)
    for name, x in tensors.items():
        if name != "out":  # what lies there is about to be overwritten
            _check_values(name, x, arguments[name].word, _region(name, x, tensors))
    _check_turn_ids(tensors)
    _check_lost_rewards(tensors)


def _axes(name: str, x: Tensor) -> list[str]:
    return [axis for axis, _ in describe(name, vocabulary_words()[name]).fitting(x).axes]


def _region(name: str, x: Tensor, tensors: Mapping[str, Tensor]) -> Tensor:
    """Where the values of a tensor mean something."""
    axes = _axes(name, x)
    if name in ("offsets", "valid"):
        return torch.ones_like(x, dtype=torch.bool)
    everywhere = _taken(x, axes, tensors)
    if axes[1:] == ["turn"] and "turn_count" in tensors:
        # The last turn is the answer: what it gained is not read.
        count = tensors["turn_count"] - (1 if name == "information_gain" else 0)
        everywhere &= real_turns(count, x.shape[1], None)
    if axes[-1] == "token" and "turn" in tensors and name != "turn":
        mine = tensors["turn"] >= 0
        # A reward on tool output counts; a NaN there is no reward.
        read = _read(tensors) & ~x.isnan() if name == "token_reward" else mine
        everywhere &= mine | read
    return everywhere


def _read(tensors: Mapping[str, Tensor]) -> Tensor:
    """The tokens whose reward counts: see `gae`."""
    mine = tensors["turn"] >= 0
    if mine.ndim == 1:
        if "offsets" not in tensors:
            return mine
        row, rows = rows_of(tensors["offsets"], mine.shape[0]), tensors["offsets"].shape[0] - 1
        return torch.zeros(rows, device=mine.device).index_add(0, row, mine.float())[row] > 0
    if "present" in tensors:
        return tensors["present"] & mine.any(1, keepdim=True)
    count = mine.to(torch.int64)
    return (torch.cumsum(count, 1) > 0) & (torch.cumsum(count.flip(1), 1).flip(1) > 0)


def _taken(x: Tensor, axes: list[str], tensors: Mapping[str, Tensor]) -> Tensor:
    """Where the rows lie that `valid` lets take part."""
    take = torch.ones(x.shape, dtype=torch.bool, device=x.device)
    if "valid" not in tensors:
        return take
    if axes == ["token"]:
        row = rows_of(tensors["offsets"], x.shape[0]) if "offsets" in tensors else None
        return take if row is None else tensors["valid"][row]
    return take & tensors["valid"].view(-1, *[1] * (x.ndim - 1))


def _refuse_first(name: str, wanted: str, x: Tensor, bad: Tensor) -> None:
    if not bool(bad.any()):
        return
    position: list[int] = bad.nonzero()[0].tolist()
    axes = ("row" if axis == "batch" else axis for axis in _axes(name, x))
    place = ", ".join(f"{axis} {i}" for axis, i in zip(axes, position, strict=True))
    raise refuse("check_batch", name, wanted, f"{x[tuple(position)].item()} in {place}")


def _check_values(name: str, x: Tensor, word: Word | None, region: Tensor) -> None:
    if x.dtype.is_floating_point:
        meant = word is not None and bool(word.nan)
        _refuse_first(name, "finite", x, region & ~x.isfinite() & (not meant))
    if word is None or x.dtype == torch.bool:
        return
    low = -torch.inf if word.low is None else word.low
    high = torch.inf if word.high is None else word.high
    _refuse_first(name, word.range(), x, region & ((x < low) | (x > high)))


def _check_turn_count(tensors: Mapping[str, Tensor]) -> None:
    if "turn_count" not in tensors:
        return
    count = tensors["turn_count"]
    take = _taken(count, ["batch"], tensors)
    for name, x in tensors.items():
        if _axes(name, x)[1:] == ["turn"]:
            wanted = f"at most {x.shape[1]}, the turns of `{name}`"
            _refuse_first("turn_count", wanted, count, take & (count > x.shape[1]))


def _check_offsets(tensors: Mapping[str, Tensor]) -> None:
    if "offsets" not in tensors:
        return
    offsets = tensors["offsets"]
    packed = [x.shape[0] for name, x in tensors.items() if _axes(name, x) == ["token"]]
    check_offsets("check_batch", offsets, packed[0] if packed else int(offsets[-1]))


def _check_turn_ids(tensors: Mapping[str, Tensor]) -> None:
    turn, count = tensors.get("turn"), tensors.get("turn_count")
    if turn is None or count is None:
        return
    limit = count[:, None]
    if turn.ndim == 1:
        if "offsets" not in tensors:
            raise refuse("check_batch", "offsets", "int[batch+1] with a packed `turn`", "None")
        limit = count[rows_of(tensors["offsets"], turn.shape[0])]
    bad = (turn >= limit) & _taken(turn, _axes("turn", turn), tensors)
    _refuse_first("turn", "below the row's `turn_count`", turn, bad)


def _check_lost_rewards(tensors: Mapping[str, Tensor]) -> None:
    """A reward that no written token would get; what `present` says is padding is not looked at."""
    reward, turn = tensors.get("token_reward"), tensors.get("turn")
    if reward is None or turn is None:
        return
    lost = (reward != 0) & ~reward.isnan() & (turn < 0) & ~_read(tensors)
    lost &= _taken(reward, _axes("token_reward", reward), tensors)
    if "present" in tensors:
        lost &= tensors["present"]
    wanted = "0 outside the tokens the policy wrote, or `present` given"
    if turn.ndim == 1 or "present" in tensors:
        wanted = "0 in rows where the policy wrote nothing"
    _refuse_first("token_reward", wanted, reward, lost)
