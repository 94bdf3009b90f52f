"""Checks of values, which no shape contract covers and a hot path cannot afford."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from creditlib.inputs.layouts import rows_of
from creditlib.inputs.turn_order import refuse_first_unordered
from creditlib.vocabulary.annotations import Argument, describe
from creditlib.vocabulary.contract import check_offsets, check_tensors, contract_error
from creditlib.vocabulary.conversions import runs_of_mask
from creditlib.vocabulary.regions import existing_turns, in_valid_rows, read_values
from creditlib.vocabulary.small_values import first_wrong_value, name_place
from creditlib.vocabulary.words import ARGUMENTS

__all__ = ["check_batch"]


def check_batch(batch: Mapping[str, Any]) -> None:
    """Refuse a `batch` whose values break the vocabulary; the error names the first row and value.

    The function checks every key that is a name of the vocabulary. It checks shapes, dtypes and
    devices as every estimator does. Then it checks values, which makes a GPU wait: they are finite
    and in range, turn counts fit, turn ids are below `turn_count` and never go back along a row,
    offsets rise from 0 to the number of tokens, and no reward stands where no written token would
    get it. Padding and rows excluded by `valid` are not checked.

    Args:
        batch: tensors by name, such as a dict or a TensorDict.

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
    if "turn" in tensors and tensors["turn"].dtype is torch.bool:
        tensors["turn"] = runs_of_mask(tensors["turn"], tensors.get("offsets"))
    for name, x in tensors.items():
        if name not in ("out", "valid") and x.dtype is not torch.bool:  # `out` is overwritten
            read = _read_by_estimators(name, x, tensors)
            error = first_wrong_value("check_batch", arguments[name], x, read)
            if error is not None:
                raise error
    _check_turn_ids(tensors)
    _check_lost_rewards(tensors)


def _axes(name: str, x: Tensor) -> list[str]:
    return [axis for axis, _ in describe(name, ARGUMENTS[name]).fitting(x).axes]


def _read_by_estimators(name: str, x: Tensor, tensors: Mapping[str, Tensor]) -> Tensor:
    """The values that are checked."""
    axes = _axes(name, x)
    if name == "offsets":
        return torch.ones_like(x, dtype=torch.bool)
    region = _valid(x, axes, tensors)
    if axes[1:] == ["turn"]:
        region &= read_values(name, x, axes, tensors)
    if axes[-1] == "turn" and len(axes) == 3 and "turn_count" in tensors:
        # One order for each sample; values of coalitions are one more than the turns.
        extra = describe(name, ARGUMENTS[name]).fitting(x).axes[-1][1]
        region &= existing_turns(tensors["turn_count"] + extra, x.shape[2])[:, None]
    if "token" in axes and "turn" in tensors and name != "turn":
        written = tensors["turn"] >= 0
        if axes[-1] != "token":  # several values of a token
            return region & written[..., None]
        # A reward on tool output counts; a NaN there is no reward.
        read = _read(tensors) & ~x.isnan() if name == "token_reward" else written
        region &= written | read
    return region


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
    if axes[0] != "token" or "valid" not in tensors:
        return in_valid_rows(x, tensors)
    where = torch.ones_like(x, dtype=torch.bool)
    if "offsets" not in tensors:
        return where
    row = rows_of(tensors["offsets"], x.shape[0])
    return where & tensors["valid"][row].view(-1, *[1] * (x.ndim - 1))


def _refuse_first(name: str, wanted: str, x: Tensor, bad: Tensor) -> None:
    if bool(bad.any()):
        fact = name_place(x, bad, _axes(name, x))
        raise contract_error("check_batch", name, wanted, fact)


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
    if turn is None:
        return
    taken = _valid(turn, _axes("turn", turn), tensors)
    if turn.ndim == 2 or "offsets" in tensors:
        refuse_first_unordered("check_batch", turn, tensors.get("offsets"), taken)
    if count is None:
        return
    limit = count[:, None]
    if turn.ndim == 1:
        if "offsets" not in tensors:
            raise contract_error(
                "check_batch", "offsets", "int[batch+1] with a packed `turn`", "None"
            )
        limit = count[rows_of(tensors["offsets"], turn.shape[0])]
    _refuse_first("turn", "below the row's `turn_count`", turn, (turn >= limit) & taken)


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
