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
from creditlib.contract import check_tensors, refuse
from creditlib.ops.masks import real_turns
from creditlib.ops.spread import rows_of
from creditlib.vocabulary import Word

__all__ = ["check_batch"]


@functools.cache
def _vocabulary() -> dict[str, Any]:
    """Argument name -> alias; TurnReward is the alias of turn_reward."""
    return {
        re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): getattr(vocabulary, name)
        for name in vocabulary.__all__
        if name != "Word"
    }


def check_batch(batch: Mapping[str, Any]) -> None:
    """Refuse a batch whose values break the vocabulary, naming the first row and value found.

    Looks at every key that is a name of the vocabulary: shapes, dtypes and devices as every
    estimator does; then values, which makes a GPU wait: finite, in range, turn counts that fit,
    turn ids below `turn_count`, offsets that rise from 0 to the number of tokens, no reward on a
    token that padded rows would not read. Padding and rows excluded by `valid` are not looked at.

    >>> import torch
    >>> seconds = torch.tensor([[1.0, 9.0], [-1.0, 9.0]])
    >>> try:
    ...     check_batch({"duration": seconds, "turn_count": torch.tensor([1, 1])})
    ... except ValueError as error:
    ...     print(error)
    check_batch: `duration` must be at least 0, got -1.0 in row 1, turn 0.
    """
    words = _vocabulary()
    known = {name: batch[name] for name in words if name in batch and batch[name] is not None}
    arguments = {name: describe(name, words[name]) for name in known}
    check_tensors("check_batch", tuple(a for a in arguments.values() if a.shapes), known)
    tensors: dict[str, Tensor] = {name: x for name, x in known.items() if arguments[name].shapes}
    _check_turn_count(tensors)
    _check_offsets(tensors)
    for name, x in tensors.items():
        _check_values(name, x, arguments[name].word, _region(name, x, tensors))
    _check_turn_ids(tensors)
    _check_lost_rewards(tensors)


def _axes(name: str, x: Tensor) -> list[str]:
    return [axis for axis, _ in describe(name, _vocabulary()[name]).fitting(x).axes]


def _region(name: str, x: Tensor, tensors: Mapping[str, Tensor]) -> Tensor:
    """Where the values of a tensor mean something."""
    axes = _axes(name, x)
    everywhere = torch.ones(x.shape, dtype=torch.bool, device=x.device)
    if axes[0] == "batch" and "valid" in tensors and name != "valid":
        everywhere &= tensors["valid"].view(-1, *[1] * (x.ndim - 1))
    if axes[1:] == ["turn"] and "turn_count" in tensors:
        everywhere &= real_turns(tensors["turn_count"], x.shape[1], None)
    if axes[-1] == "token" and "turn" in tensors and name != "turn":
        everywhere &= tensors["turn"] >= 0
    return everywhere


def _refuse_first(name: str, wanted: str, x: Tensor, bad: Tensor, tokens: bool = False) -> None:
    if not bool(bad.any()):
        return
    position: list[int] = bad.nonzero()[0].tolist()
    place = f"row {position[0]}"
    if len(position) > 1:
        place += f", {'token' if tokens else 'turn'} {position[1]}"
    elif tokens:
        place = f"token {position[0]}"
    fact = f"{x[tuple(position)].item()} in {place}"
    raise refuse("check_batch", name, wanted, fact)


def _check_values(name: str, x: Tensor, word: Word | None, region: Tensor) -> None:
    tokens = _axes(name, x)[-1] == "token"
    if x.dtype.is_floating_point:
        # A score of NaN is a submission that failed, which partial_credit defines.
        bad = region & ~x.isfinite() if name != "score" else torch.zeros_like(region)
        _refuse_first(name, "finite", x, bad, tokens)
    if word is None or x.dtype == torch.bool:
        return
    low = -torch.inf if word.low is None else word.low
    high = torch.inf if word.high is None else word.high
    _refuse_first(name, word.range(), x, region & ((x < low) | (x > high)), tokens)


def _check_turn_count(tensors: Mapping[str, Tensor]) -> None:
    if "turn_count" not in tensors:
        return
    count = tensors["turn_count"]
    for name, x in tensors.items():
        if _axes(name, x)[1:] == ["turn"]:
            wanted = f"at most {x.shape[1]}, the turns of `{name}`"
            _refuse_first("turn_count", wanted, count, count > x.shape[1])


def _check_offsets(tensors: Mapping[str, Tensor]) -> None:
    if "offsets" not in tensors:
        return
    offsets = tensors["offsets"]
    if offsets.shape[0] == 0 or int(offsets[0]) != 0:
        raise refuse("check_batch", "offsets", "starting at 0", str(offsets[:1].tolist()))
    if bool((offsets[1:] < offsets[:-1]).any()):
        raise refuse("check_batch", "offsets", "rising", str(offsets.tolist()))
    turn = tensors.get("turn")
    if turn is not None and int(offsets[-1]) != turn.shape[-1]:
        wanted = f"ending at the {turn.shape[-1]} tokens of `turn`"
        raise refuse("check_batch", "offsets", wanted, str(int(offsets[-1])))


def _check_turn_ids(tensors: Mapping[str, Tensor]) -> None:
    turn, count = tensors.get("turn"), tensors.get("turn_count")
    if turn is None or count is None:
        return
    limit = count[:, None]
    if turn.ndim == 1:
        if "offsets" not in tensors:
            raise refuse("check_batch", "offsets", "int[batch+1] with a packed `turn`", "None")
        limit = count[rows_of(tensors["offsets"], turn.shape[0])]
    _refuse_first("turn", "below the row's `turn_count`", turn, turn >= limit, tokens=True)


def _check_lost_rewards(tensors: Mapping[str, Tensor]) -> None:
    """A reward outside the written span of a padded row would not be read without `present`."""
    reward, turn = tensors.get("token_reward"), tensors.get("turn")
    if reward is None or turn is None or turn.ndim != 2 or turn.shape[1] == 0:
        return
    mine = (turn >= 0).to(torch.int64)
    inside = (torch.cumsum(mine, 1) > 0) & (torch.cumsum(mine.flip(1), 1).flip(1) > 0)
    if "present" in tensors:
        inside = inside | ~tensors["present"] | (mine.sum(1, keepdim=True) > 0)
    wanted = "0 outside the tokens the policy wrote, or `present` given"
    _refuse_first("token_reward", wanted, reward, ~inside & (reward != 0), tokens=True)
