"""Checks of values, which no shape contract covers and a hot path cannot afford."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from creditlib.inputs.layouts import rows_of
from creditlib.vocabulary.annotations import Argument, describe
from creditlib.vocabulary.argument_spec import ArgumentSpec
from creditlib.vocabulary.contract import check_offsets, check_tensors, contract_error
from creditlib.vocabulary.words import ARGUMENTS

__all__ = ["check_batch"]


def check_batch(batch: Mapping[str, Any]) -> None:
    """Refuse a `batch` whose values break the vocabulary; the error names the first row and value.

    The function checks every key that is a name of the vocabulary. It checks shapes, dtypes and
    devices as every estimator does. Then it checks values, which makes a GPU wait: they are finite
    and in range, turn counts fit, turn ids are below `turn_count`, offsets rise from 0 to the
    number of tokens, and no reward stands where no written token would get it. Padding and rows
    excluded by `valid` are not checked.

    >>> import torch
    >>> seconds = torch.tensor([[1.0, 9.0], [-1.0, 9.0]])
    >>> try:
    ...     check_batch({"duration": seconds, "turn_count": torch.tensor([1, 1])})
    ... except ValueError as error:
    ...     print(error)
    check_batch: `duration` must be at least 0, got -1.0 in row 1, turn 0.
    """
    given = set(batch.keys())
    arguments: dict[str, Argument] = {}
    for name, alias in ARGUMENTS.items():
        argument = describe(name, alias)
        ambiguous = argument.spec is not None and argument.spec.ambiguous
        if name in given and batch[name] is not None and not ambiguous:
            arguments[name] = argument
    tensors: dict[str, Tensor] = {name: batch[name] for name in arguments}
    check_tensors("check_batch", tuple(arguments.values()), tensors)
    _check_turn_count(tensors)
    _check_offsets(tensors)
    for name, x in tensors.items():
        if name != "out":  # `out` is overwritten
            _check_values(name, x, arguments[name].spec, _region(name, x, tensors))
    _check_turn_ids(tensors)
    _check_lost_rewards(tensors)


def _axes(name: str, x: Tensor) -> list[str]:
    return [axis for axis, _ in describe(name, ARGUMENTS[name]).fitting(x).axes]


def _region(name: str, x: Tensor, tensors: Mapping[str, Tensor]) -> Tensor:
    """The values that are checked."""
    axes = _axes(name, x)
    if name in ("offsets", "valid"):
        return torch.ones_like(x, dtype=torch.bool)
    region = _valid(x, axes, tensors)
    if axes[1:] == ["turn"] and "turn_count" in tensors:
        # The last turn is the answer: its gain is not read.
        count = tensors["turn_count"] - (1 if name == "information_gain" else 0)
        region &= _before(count, x.shape[1])
    if axes[-1] == "token" and "turn" in tensors and name != "turn":
        written = tensors["turn"] >= 0
        # A reward on tool output counts; a NaN there is no reward.
        read = _read(tensors) & ~x.isnan() if name == "token_reward" else written
        region &= written | read
    return region


def _before(turn_count: Tensor, turns: int) -> Tensor:
    """The turns that exist, bool[batch turn]."""
    return torch.arange(turns, device=turn_count.device) < turn_count[:, None]


def _read(tensors: Mapping[str, Tensor]) -> Tensor:
    """The tokens whose reward counts: see `gae`."""
    written = tensors["turn"] >= 0
    if written.ndim == 1:
        if "offsets" not in tensors:
            return written
        row, rows = rows_of(tensors["offsets"], written.shape[0]), tensors["offsets"].shape[0] - 1
        return torch.zeros(rows, device=written.device).index_add(0, row, written.float())[row] > 0
    if "present" in tensors:
        return tensors["present"] & written.any(1, keepdim=True)
    count = written.to(torch.int64)
    return (torch.cumsum(count, 1) > 0) & (torch.cumsum(count.flip(1), 1).flip(1) > 0)


def _valid(x: Tensor, axes: list[str], tensors: Mapping[str, Tensor]) -> Tensor:
    """The values in rows that take part."""
    where = torch.ones(x.shape, dtype=torch.bool, device=x.device)
    if "valid" not in tensors:
        return where
    if axes == ["token"]:
        row = rows_of(tensors["offsets"], x.shape[0]) if "offsets" in tensors else None
        return where if row is None else tensors["valid"][row]
    return where & tensors["valid"].view(-1, *[1] * (x.ndim - 1))


def _refuse_first(name: str, wanted: str, x: Tensor, bad: Tensor) -> None:
    if not bool(bad.any()):
        return
    position: list[int] = bad.nonzero()[0].tolist()
    axes = ("row" if axis == "batch" else axis for axis in _axes(name, x))
    place = ", ".join(f"{axis} {i}" for axis, i in zip(axes, position, strict=True))
    raise contract_error("check_batch", name, wanted, f"{x[tuple(position)].item()} in {place}")


def _check_values(name: str, x: Tensor, spec: ArgumentSpec | None, region: Tensor) -> None:
    if x.dtype.is_floating_point:
        meant = spec is not None and bool(spec.nan)
        _refuse_first(name, "finite", x, region & ~x.isfinite() & (not meant))
    if spec is None or x.dtype == torch.bool:
        return
    low = -torch.inf if spec.low is None else spec.low
    high = torch.inf if spec.high is None else spec.high
    _refuse_first(name, spec.range(), x, region & ((x < low) | (x > high)))


def _check_turn_count(tensors: Mapping[str, Tensor]) -> None:
    if "turn_count" not in tensors:
        return
    count = tensors["turn_count"]
    where = _valid(count, ["batch"], tensors)
    for name, x in tensors.items():
        if _axes(name, x)[1:] == ["turn"]:
            wanted = f"at most {x.shape[1]}, the turns of `{name}`"
            _refuse_first("turn_count", wanted, count, where & (count > x.shape[1]))


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
            raise contract_error(
                "check_batch", "offsets", "int[batch+1] with a packed `turn`", "None"
            )
        limit = count[rows_of(tensors["offsets"], turn.shape[0])]
    bad = (turn >= limit) & _valid(turn, _axes("turn", turn), tensors)
    _refuse_first("turn", "below the row's `turn_count`", turn, bad)


def _check_lost_rewards(tensors: Mapping[str, Tensor]) -> None:
    """Refuse a reward that no written token would get; only `present` tokens are checked."""
    reward, turn = tensors.get("token_reward"), tensors.get("turn")
    if reward is None or turn is None:
        return
    lost = (reward != 0) & ~reward.isnan() & (turn < 0) & ~_read(tensors)
    lost &= _valid(reward, _axes("token_reward", reward), tensors)
    if "present" in tensors:
        lost &= tensors["present"]
    wanted = "0 outside the tokens the policy wrote, or `present` given"
    if turn.ndim == 1 or "present" in tensors:
        wanted = "0 in rows where the policy wrote nothing"
    _refuse_first("token_reward", wanted, reward, lost)
