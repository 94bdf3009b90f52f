"""Columns: values of each row beside reward and mask, under their names in the vocabulary.

A trainer's rows hold them as lists, arrays or tensors. This module says which columns an estimator
needs, collects them from mappings or from a trainer's batch, and turns them into tensors.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.algebra import turn_sum
from creditlib.estimators import information_gain
from creditlib.inputs.ids import anchor_ids
from creditlib.inputs.layouts import count_turns, turns_from_mask
from creditlib.ops.precision import wide
from creditlib.registry import public_functions
from creditlib.rows.row_index import RowIndex
from creditlib.rows.settings import PREFIX, CreditSettings
from creditlib.vocabulary.annotations import Shape, tensors_of
from creditlib.vocabulary.messages import ContractError, contract_error, describe_value

__all__ = [
    "column_names",
    "column_shapes",
    "columns_as_tensors",
    "columns_from",
    "is_turn_column",
    "named_columns",
    "step_turn_mask",
    "turn_rewards",
]

_DTYPES = {"float": torch.float32, "int": torch.int64, "bool": torch.bool, "real": torch.float32}
_GOLD = "gold_log_prob"
# Tensors that `read_rows` computes itself: they are never columns.
_COMPUTED = ("reward", "group", "turn_count", "length", "turn_length", "valid")


def column_shapes(settings: CreditSettings | None = None) -> dict[str, Shape]:
    """Names and shapes of all columns: those of this package, and those that the settings add.

    >>> str(column_shapes()["anchor"]), str(column_shapes()["baseline"])
    ('int[batch turn]', 'float[batch]')
    """
    if settings is None:
        return dict(_own_columns())
    added = _columns_of(settings.estimator)
    if settings.weight:
        added |= _columns_of(settings.weight)
    return {**added, **_own_columns()}


def is_turn_column(shape: Shape) -> bool:
    """Whether a column has one value for each turn."""
    return shape.axes[1:] == (("turn", 0),)


def column_names(settings: CreditSettings) -> list[str]:
    """The columns that a trainer has to provide for these settings, sorted.

    `gold_log_prob` may stand for `information_gain`, which is computed from it.

    >>> from creditlib.rows import credit_settings
    >>> column_names(credit_settings(estimator="gigpo"))
    ['anchor', 'invalid_action', 'turn_reward']
    >>> column_names(credit_settings(estimator="grpo"))
    []
    """
    wanted = settings.needs & set(column_shapes(settings))
    return sorted(wanted | ({_GOLD} if "information_gain" in wanted else set()))


def columns_from(holders: Sequence[Any], settings: CreditSettings) -> dict[str, list[Any]]:
    """The needed columns out of one mapping for each row; None where a mapping has no value.

    A column that no row has is left out.

    >>> from creditlib.rows import credit_settings
    >>> columns_from([{"anchor": ["hall"]}, None], credit_settings(estimator="gigpo"))
    {'anchor': [['hall'], None]}
    """
    mappings = [each if isinstance(each, Mapping) else {} for each in holders]
    return {
        name: [each.get(name) for each in mappings]
        for name in column_names(settings)
        if any(each.get(name) is not None for each in mappings)
    }


def named_columns(
    values: Mapping[str, Any], mask: Tensor, settings: CreditSettings | None = None
) -> dict[str, list[Any]]:
    """The columns that a trainer's batch holds as `creditlib_<name>`, one entry for each row.

    A tensor [row, n] is padded on the right: a column of turns is cut to the number of runs of the
    row's mask. A list is used as it is.

    >>> seconds = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    >>> mask = torch.tensor([[1, 0, 1], [1, 1, 0]])
    >>> named_columns({"creditlib_duration": seconds, "reward": seconds}, mask)
    {'duration': [[1.0, 2.0], [3.0]]}
    """
    counts = count_turns(turns_from_mask(mask != 0)).clamp(min=1).tolist() if mask.numel() else []
    known, found = column_shapes(settings), dict[str, list[Any]]()
    for key, value in values.items():
        name = key.removeprefix(PREFIX)
        if name == key:
            continue
        if isinstance(value, Tensor):
            if name in known and is_turn_column(known[name]):
                rows = value.reshape(len(value), -1)
                found[name] = [row[:n].tolist() for row, n in zip(rows, counts, strict=True)]
            else:
                found[name] = value.tolist()
        else:
            found[name] = list(value)
    return found


def turn_rewards(token_reward: Tensor, mask: Tensor) -> list[list[float]]:
    """The rewards of the turns of each row, for the column `turn_reward`; see `read_rows`.

    A reward on a token that the policy did not write counts for the turn before it, and before the
    first turn for the first. A row without a written token is one turn. NaN on a token that the
    policy did not write means that there is no reward.

    >>> mask = torch.tensor([[0, 1, 0, 1, 0], [0, 0, 0, 0, 0]])
    >>> reward = torch.tensor([[0.5, 0.0, 0.25, 0.0, 1.0], [0.0, 2.0, 0.0, 0.0, 0.0]])
    >>> turn_rewards(reward, mask)
    [[0.75, 1.0], [2.0]]
    """
    if token_reward.shape != mask.shape or mask.ndim != 2:
        raise contract_error(
            "turn_rewards", "token_reward", "[row token]", describe_value(token_reward)
        )
    written = mask != 0
    run = turns_from_mask(written)
    if not run.numel():
        return [[0.0] for _ in range(len(run))]
    count = count_turns(run).clamp(min=1)
    owner = run.cummax(1).values.clamp(min=0)
    reward = torch.where(token_reward.isnan() & ~written, 0.0, wide(token_reward))
    table = turn_sum(reward, owner, int(count.max()))
    return [row[:turns].tolist() for row, turns in zip(table, count.tolist(), strict=True)]


def step_turn_mask(mask: Tensor, step: Sequence[Any] | None) -> Tensor | None:
    """The `turn_mask` of rows that are steps: each row is one turn, even if its mask has gaps.

    None without steps: the turns are then the runs of the mask.

    >>> step_turn_mask(torch.tensor([[1, 0, 1]]), [0])
    tensor([[1, 1, 1]])
    """
    return None if step is None else torch.ones_like(mask)


def columns_as_tensors(
    columns: Mapping[str, Sequence[Any]],
    index: RowIndex,
    settings: CreditSettings | None,
    device: torch.device,
) -> dict[str, Tensor]:
    """The columns that the settings need, as tensors of trajectories and turns on a device.

    Without settings every known column is read. A column that is None in every row is left out.
    A value of a trajectory is that of its last row.
    """
    if not columns:
        return {}
    known = column_shapes(settings)
    needed = known if settings is None else column_names(settings)
    found: dict[str, Tensor] = {}
    for name, values in columns.items():
        if name not in known or name not in needed or _all_none(values, index):
            continue
        if len(values) != len(index.trajectory):
            wanted = f"one entry for each of {len(index.trajectory)} rows"
            raise contract_error("read_rows", name, wanted, str(len(values)))
        convert = _turn_tensor if is_turn_column(known[name]) else _trajectory_tensor
        found[name] = convert(name, known[name], values, index).to(device)
    if _GOLD in found and "information_gain" not in found:
        count = index.turn_count.to(device)
        found["information_gain"] = information_gain(gold_log_prob=found[_GOLD], turn_count=count)
    return found


@functools.cache
def _own_columns() -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for function in public_functions().values():
        found = {**_columns_of(function), **found}
    return found


def _columns_of(function: Any) -> dict[str, Shape]:
    """The tensors of trajectories and turns that a function takes."""
    every = {name: tensor.shapes[0] for name, tensor in tensors_of(function).items()}
    return {
        name: shape
        for name, shape in every.items()
        if name not in _COMPUTED and [axis for axis, _ in shape.axes][:1] == ["batch"]
        if all(axis != "token" for axis, _ in shape.axes)
    }


def _all_none(values: Sequence[Any], index: RowIndex) -> bool:
    """Whether no row that takes part has a value; False if no row takes part."""
    rows = index.trajectory.tolist()
    return all(
        value is None for value, row in zip(values, rows, strict=False) if row >= 0
    ) and bool(len(index.first))


def _turn_tensor(name: str, shape: Shape, values: Sequence[Any], index: RowIndex) -> Tensor:
    """[batch turn] of a column with one value for each turn."""
    table: list[list[Any]] = [[None] * count for count in index.turn_count.tolist()]
    for row in index.original.nonzero()[:, 0].tolist():
        base, count = int(index.base[row]), int(index.size[row])
        items = _turn_values(name, values[row], count, row)
        table[int(index.trajectory[row])][base : base + count] = items
    if name == "anchor":
        return _anchors(table, index)
    dtype, width = _DTYPES[shape.kind], index.turns
    result = torch.zeros((len(table), width), dtype=dtype)
    where = torch.arange(width) < index.turn_count[:, None]
    flat = [item for row in table for item in row]
    result[where] = _tensor(name, shape, flat)
    return result


def _turn_values(name: str, value: Any, count: int, row: int) -> list[Any]:
    """The values of a row's turns: a list of them, or a single one for a single turn.

    An array is one observation in the column `anchor`, and a list of numbers in any other.
    """
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if value is None:  # anchors are missing for these turns; any other column refuses the None
        return [None] * count
    listed = isinstance(value, (list, tuple))
    if isinstance(value, np.ndarray) and name != "anchor":
        array = cast("np.ndarray[Any, Any]", value)
        value, listed = array.tolist(), array.ndim > 0
    items = list(cast("Sequence[Any]", value)) if listed else [value]
    if name == "anchor":
        items = [_as_python_int(item) for item in items]
    if len(items) != count:
        wanted = f"{count} values, one for each turn of the row"
        raise contract_error("read_rows", name, wanted, f"{len(items)} in row {row}")
    return items


def _as_python_int(item: Any) -> Any:
    """An integer of numpy or torch as a Python integer, so that it is an id; others unchanged."""
    scalar = isinstance(item, (np.generic, np.ndarray, Tensor)) and item.ndim == 0
    number = cast("Any", item).item() if scalar else item
    return number if type(number) is int else item


def _anchors(table: list[list[Any]], index: RowIndex) -> Tensor:
    """Ids of anchors: integers are ids already (negative or None: no anchor), else observations."""
    flat = [item for row in table for item in row if item is not None]
    if not all(type(item) is int for item in flat):
        return anchor_ids(table)
    result = torch.full((len(table), index.turns), -1, dtype=torch.int64)
    for number, row in enumerate(table):
        own = [-1 if item is None else item for item in row]
        result[number, : len(row)] = torch.tensor(own, dtype=torch.int64)
    return result


def _trajectory_tensor(name: str, shape: Shape, values: Sequence[Any], index: RowIndex) -> Tensor:
    """[batch …] of a column with one value for each trajectory."""
    own = [values[row] for row in index.last.tolist()]
    if not own:  # as many axes as on a rank that has trajectories
        return torch.zeros((0,) + (1,) * (len(shape.axes) - 1), dtype=_DTYPES[shape.kind])
    return _tensor(name, shape, own)


def _tensor(name: str, shape: Shape, values: list[Any]) -> Tensor:
    numbers = [each.tolist() if isinstance(each, (Tensor, np.ndarray)) else each for each in values]
    if any(each is None for each in numbers):
        wanted = "given for every row or for none"
        raise contract_error("read_rows", name, wanted, "None in some rows")
    try:
        found = torch.tensor(numbers, dtype=_DTYPES[shape.kind])
    except (TypeError, ValueError, RuntimeError):
        fact = next(
            (describe_value(each) for each in numbers if not isinstance(each, (int, float))), ""
        )
        raise ContractError(
            f"read_rows: `{name}` must be {shape}, got {fact or 'rows of several lengths'}."
        ) from None
    if bool(found.isnan().any()):
        raise contract_error("read_rows", name, "a number wherever it is given", "NaN")
    return found
