"""Values of columns as tensors of trajectories and turns, whatever container they come in."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.estimators import information_gain
from creditlib.inputs.anchors import anchor_table, as_python_integer
from creditlib.rows.row_index import RowIndex
from creditlib.vocabulary.annotations import Shape, describe
from creditlib.vocabulary.messages import ContractError, contract_error, describe_value
from creditlib.vocabulary.words import ARGUMENTS

__all__ = ["columns_as_tensors", "listed_columns", "turns_listed", "turns_of_row"]

_DTYPES = {"float": torch.float32, "int": torch.int64, "bool": torch.bool, "real": torch.float32}
_LISTS = frozenset((list, tuple))
_NUMBERS = frozenset((float, int, bool))
_PLAIN = frozenset((str, bytes, int, float, bool, type(None)))  # neither arrays nor numbers in them
# Columns of turns that hold ids, or what ids are made of.
_IDS = ("anchor", "action")
_MORE_TURNS = "give `turn` beside the mask if a turn wrote no token or two turns adjoin"


def listed_columns(columns: Mapping[str, Any], rows: int) -> dict[str, list[Any]]:
    """Each column as a list with one entry for each row: arrays of tensors and of numpy alike.

    >>> listed_columns({"baseline": torch.tensor([0.5, 1.0])}, 2)
    {'baseline': [0.5, 1.0]}
    """
    found: dict[str, list[Any]] = {}
    for name, values in columns.items():
        wanted = f"one entry for each of {rows} rows"
        if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
            raise contract_error("read_rows", name, wanted, describe_value(values))
        if len(values) != rows:
            raise contract_error("read_rows", name, wanted, str(len(values)))
        if isinstance(values, (Tensor, np.ndarray)):
            table = _as_array(values)
            found[name] = list(table) if table.ndim > 1 else table.tolist()
        else:
            found[name] = list(cast("Sequence[Any]", values))
    return found


def _as_array(values: Any) -> np.ndarray[Any, Any]:
    if isinstance(values, Tensor):
        x = values.detach().cpu()
        return (x.float() if x.dtype is torch.bfloat16 else x).numpy()
    return cast("np.ndarray[Any, Any]", values)


def turns_listed(
    columns: Mapping[str, list[Any]], shapes: Mapping[str, Shape], rows: int
) -> list[int]:
    """The largest number of values that a column of turns lists for each row; 0 without any.

    Arrays of numbers do not count: they may be padded.

    >>> from creditlib.rows.columns import column_shapes
    >>> turns_listed({"turn_reward": [[0.5, 1.0], 2.0]}, column_shapes(), 2)
    [2, 0]
    """
    counts = [0] * rows
    for name, values in columns.items():
        if _is_of_turns(shapes[name]):
            counts = list(map(max, counts, map(_listed, values)))
    return counts


def _listed(value: Any) -> int:
    """How many values of turns a row lists."""
    if isinstance(value, np.ndarray):
        array = cast("np.ndarray[Any, Any]", value)
        return len(array) if array.ndim and array.dtype.kind not in "biuf" else 0
    return len(cast("Sequence[Any]", value)) if isinstance(value, (list, tuple)) else 0


def columns_as_tensors(
    columns: Mapping[str, list[Any]],
    shapes: Mapping[str, Shape],
    index: RowIndex,
    device: torch.device,
) -> dict[str, Tensor]:
    """Columns, listed by row, as tensors of trajectories and turns on a device.

    A column that is None in every row is left out. A value of a trajectory is that of its last row.
    """
    found: dict[str, Tensor] = {}
    for name, values in columns.items():
        if not _all_none(values, index):
            convert = _turn_tensor if _is_of_turns(shapes[name]) else _trajectory_tensor
            found[name] = convert(name, shapes[name], values, index).to(device)
    if "gold_log_prob" in found and "information_gain" not in found:
        gold, count = found["gold_log_prob"], index.turn_count.to(device)
        found["information_gain"] = information_gain(gold_log_prob=gold, turn_count=count)
    return found


def turns_of_row(function: str, name: str, items: list[Any], count: int, row: int) -> list[Any]:
    """The first `count` values of a padded row; what follows must be padding, so nothing is lost.

    Padding is 0, NaN or None, of an anchor or an action -1 too.

    >>> turns_of_row("read_rows", "duration", [1.0, 2.0, 0.0], 2, row=0)
    [1.0, 2.0]
    """
    padding = (0, -1) if name in _IDS else (0,)
    rest = items[count:]
    if len(items) < count or any(x is not None and x == x and x not in padding for x in rest):
        raise _wrong_count(function, name, len(items), count, row)
    return items[:count]


def _wrong_count(function: str, name: str, found: int, count: int, row: int) -> ContractError:
    wanted = f"{count} values, one for each turn of the row"
    remedy = _MORE_TURNS if found > count else ""
    return contract_error(function, name, wanted, f"{found} in row {row}", remedy)


def _is_of_turns(shape: Shape) -> bool:
    return shape.axes[1:2] == (("turn", 0),)


def _all_none(values: Sequence[Any], index: RowIndex) -> bool:
    """Whether no row that takes part has a value; False if no row takes part."""
    rows = index.trajectory.tolist()
    return all(value is None for value, row in zip(values, rows, strict=True) if row >= 0) and bool(
        len(index.first)
    )


def _turn_tensor(name: str, shape: Shape, values: list[Any], index: RowIndex) -> Tensor:
    """[batch turn] of a column with one value for each turn."""
    table = _turn_table(name, values, index)
    if name in _IDS:
        return anchor_table(table)
    dtype, width = _DTYPES[shape.kind], index.turns
    where = torch.arange(width, device="cpu") < index.turn_count[:, None]
    flat = _tensor(name, shape, [item for row in table for item in row])
    # One value for each turn, or a list of them: ids of several scopes.
    more = flat.shape[1:] if len(shape.axes) > 2 else ()
    result = torch.zeros((len(table), width, *more), dtype=dtype, device="cpu")
    result[where] = flat
    return result


def _turn_table(name: str, values: list[Any], index: RowIndex) -> list[list[Any]]:
    """The values of the turns of each trajectory."""
    size = index.size.tolist()
    lists = index.every_row_is_one and _LISTS.issuperset(map(type, values))
    if lists and list(map(len, values)) == size and (name not in _IDS or _are_plain(values)):
        return values
    table: list[list[Any]] = [[None] * count for count in index.turn_count.tolist()]
    rows = index.original.nonzero()[:, 0].tolist()
    base, owner = index.base.tolist(), index.trajectory.tolist()
    ids = name in _IDS and _are_tables_of_ids([(values[row], size[row]) for row in rows])
    for row in rows:
        items = _turn_values(name, values[row], size[row], row, ids)
        table[owner[row]][base[row] : base[row] + size[row]] = items
    return table


def _are_plain(values: list[Any]) -> bool:
    """Whether lists hold nothing that has to be unpacked from an array."""
    return _PLAIN.issuperset(map(type, itertools.chain.from_iterable(values)))


def _are_tables_of_ids(given: Sequence[tuple[Any, int]]) -> bool:
    """Whether a column holds rows of ids: integer arrays, one of them of several turns.

    In a batch of rows of one turn an array is one observation, so its integers are no ids.
    """
    if not any(size > 1 for _, size in given):
        return False
    arrays = [_as_array(value) for value, _ in given if isinstance(value, (np.ndarray, Tensor))]
    return len(arrays) == len(given) and all(x.ndim == 1 and x.dtype.kind in "iu" for x in arrays)


def _turn_values(name: str, value: Any, count: int, row: int, ids: bool) -> list[Any]:
    """The values of a row's turns: a list of them, or a single one for a single turn.

    An array of numbers may be padded on the right. In a column of ids it is one observation or one
    action if the row has one turn, unless all rows hold arrays of ids.
    """
    if value is None:  # ids are missing for these turns; any other column refuses the None
        return [None] * count
    if isinstance(value, (Tensor, np.ndarray)):
        array = _as_array(value)
        numbers = array.dtype.kind in "biuf"
        if name in _IDS and not ids and count == 1 and (numbers or array.shape != (1,)):
            return [_as_python_int(array)]
        items = list(array) if array.ndim > 1 else np.atleast_1d(array).tolist()
        if numbers and array.ndim < 2 and (ids or name not in _IDS):
            return turns_of_row("read_rows", name, items, count, row)
    else:
        items = list(cast("Any", value)) if isinstance(value, (list, tuple)) else [value]
    if len(items) != count:
        raise _wrong_count("read_rows", name, len(items), count, row)
    return [_as_python_int(item) for item in items] if name in _IDS else items


def _as_python_int(item: Any) -> Any:
    """An integer of numpy or torch as a Python integer, so that it is an id; others unchanged.

    An array without axes that holds an object is that object.
    """
    if isinstance(item, np.ndarray) and item.ndim == 0 and item.dtype.kind in "OUS":
        item = cast("Any", item).item()
    return as_python_integer(item)


def _trajectory_tensor(name: str, shape: Shape, values: list[Any], index: RowIndex) -> Tensor:
    """[batch …] of a column with one value for each trajectory."""
    own = [values[row] for row in index.last.tolist()]
    if not own:  # as many axes as on a rank that has trajectories
        return torch.zeros(
            (0,) + (1,) * (len(shape.axes) - 1), dtype=_DTYPES[shape.kind], device="cpu"
        )
    if name == "answer":  # ids already, or texts that become ids; None is no answer
        return anchor_table([[value] for value in own])[:, 0]
    return _tensor(name, shape, own)


def _tensor(name: str, shape: Shape, values: list[Any]) -> Tensor:
    numbers = values
    if not _NUMBERS.issuperset(map(type, values)):
        arrays = (Tensor, np.ndarray)
        numbers = [each.tolist() if isinstance(each, arrays) else each for each in values]
        if any(each is None for each in numbers):
            wanted = "given for every row or for none"
            raise contract_error("read_rows", name, wanted, "None in some rows")
    try:
        found = torch.tensor(numbers, dtype=_DTYPES[shape.kind], device="cpu")
    except (TypeError, ValueError, RuntimeError):
        fact = next(
            (describe_value(each) for each in numbers if not isinstance(each, (int, float))), ""
        )
        raise ContractError(
            f"read_rows: `{name}` must be {shape}, got {fact or 'rows of several lengths'}."
        ) from None
    spec = describe(name, ARGUMENTS[name]).spec if name in ARGUMENTS else None
    missing_has_a_meaning = spec is not None and bool(spec.nan)
    if bool(found.isnan().any()) and not missing_has_a_meaning:
        raise contract_error("read_rows", name, "a number wherever it is given", "NaN")
    return found
