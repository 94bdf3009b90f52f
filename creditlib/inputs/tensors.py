"""Lists, numpy arrays, pandas columns and dataset columns as tensors of the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.anchors import anchor_table
from creditlib.inputs.ids import ids
from creditlib.vocabulary.annotations import Argument, describe
from creditlib.vocabulary.contract import check_tensors
from creditlib.vocabulary.messages import contract_error, describe_value, did_you_mean
from creditlib.vocabulary.words import ARGUMENTS

__all__ = ["tensors"]

_DTYPES = {"float": torch.float32, "real": torch.float32, "int": torch.int64, "bool": torch.bool}
_KINDS_OF_NUMBERS = "biuf"


def tensors(
    mapping: Mapping[str, Any], *, device: torch.device | str | None = None
) -> dict[str, Tensor]:
    """The values of a `mapping` as tensors, under names of the vocabulary, for `apply`.

    A value may be a list, a list of lists, a numpy array, a pandas or dataset column, or a tensor.

    - Numbers, integers and flags become float32 where the vocabulary asks for floats; floats of
      numpy and torch keep their dtype.
    - `group` and `trajectory` may hold integers, or any keys that `ids` takes.
    - `anchor` may hold integers, None, or observations as `anchor_ids` takes them.
    - Lists of different lengths, one for each trajectory, are padded on the right. The number of
      values in each list becomes `turn_count` if the mapping has none.
    - A value of None is left out.

    Args:
        mapping: values by name, such as a dict or a data frame.
        device: where the tensors lie; the CPU by default.

    Errors: a name that is no word of the vocabulary is refused with the nearest one, and a value
    that is not a number with its row.

    >>> batch = tensors({"reward": [True, False], "group": ["task-7", "task-7"]})
    >>> batch["reward"], bool(batch["group"][0] == batch["group"][1])
    (tensor([1., 0.]), True)
    >>> tensors({"turn_reward": [[0, 1], [0.5]]})["turn_count"]
    tensor([2, 1])
    """
    if not hasattr(mapping, "keys"):
        raise contract_error("tensors", "mapping", "columns by name", describe_value(mapping))
    found: dict[str, Tensor] = {}
    counts: dict[str, list[int]] = {}
    arguments: list[Argument] = []
    for name in mapping.keys():  # noqa: SIM118  # a trainer's batch may iterate over rows
        if name not in ARGUMENTS or name == "out":
            hint = did_you_mean(name, ARGUMENTS)
            raise contract_error("tensors", "mapping", "words of the vocabulary", f"{name!r}{hint}")
        if mapping[name] is None:
            continue
        argument = describe(name, ARGUMENTS[name])
        arguments.append(argument)
        found[name] = _tensor(argument, _plain(mapping[name]), counts).to(device or "cpu")
    if "turn_count" not in found and counts:
        found["turn_count"] = _turn_count(counts).to(device or "cpu")
    check_tensors("tensors", tuple(arguments), found)
    return found


def _plain(value: Any) -> Any:
    """A tensor, a numpy array of numbers, or a list."""
    if isinstance(value, Tensor):
        return value
    if hasattr(value, "to_pylist"):  # a column of Arrow
        value = value.to_pylist()
    elif hasattr(value, "to_numpy"):  # a column of pandas
        value = value.to_numpy()
    if isinstance(value, np.ndarray):
        array = cast("np.ndarray[Any, Any]", value)
        return array if array.dtype.kind in _KINDS_OF_NUMBERS else array.tolist()
    column = hasattr(value, "__iter__") and not isinstance(value, (str, bytes, Mapping))
    return list(value) if column else value


def _tensor(argument: Argument, value: Any, counts: dict[str, list[int]]) -> Tensor:
    name = argument.name
    if not isinstance(value, (Tensor, np.ndarray, list)):
        wanted = f"{argument.contract} or a column"
        raise contract_error("tensors", name, wanted, describe_value(value))
    if isinstance(value, list):
        rows = cast("list[Any]", value)
        if name in ("group", "trajectory") and not all(_is_integer(each) for each in rows):
            return ids(rows)
        if name == "anchor":
            return _anchors(rows, counts)
        return _from_list(argument, rows, counts)
    given = value if isinstance(value, Tensor) else _from_numpy(value)
    shape = next((each for each in argument.shapes if each.ndim == given.ndim), None)
    mask = argument.name == "turn" and given.dtype in argument.also
    if shape is None or given.dtype in shape.dtypes or mask:
        return given
    return _cast(argument, shape.kind, given)


def _from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """An array as a tensor; copied where torch cannot share it.

    Columns of pandas are read only, a reversed array has negative strides, a file may hold the
    other order of bytes.
    """
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    shared = array.flags.writeable and all(step >= 0 for step in array.strides)
    return torch.from_numpy(array if shared else array.copy())


def _is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _from_list(argument: Argument, rows: list[Any], counts: dict[str, list[int]]) -> Tensor:
    """Numbers, or one list of numbers for each row, padded on the right."""
    nested = [_plain(row) for row in rows]
    deep = any(map(_is_list, nested))
    shape = next((each for each in argument.shapes if each.ndim == 1 + deep), None)
    if shape is None:
        wanted = argument.contract
        raise contract_error(
            "tensors", argument.name, wanted, "a list of lists" if deep else "list"
        )
    for row, values in enumerate(nested):
        if deep and not _is_list(values):
            fact = f"{describe_value(values)} in row {row}"
            raise contract_error("tensors", argument.name, "a list in every row", fact)
        _refuse_other_values(argument, row, values if deep else [values])
    if not deep:
        return _cast(argument, shape.kind, _made(argument, [_number(row) for row in nested]))
    lists = [[_number(value) for value in row] for row in nested]
    lengths = [len(row) for row in lists]
    if [axis for axis, _ in shape.axes] == ["batch", "turn"]:
        counts[argument.name] = lengths
    width = max(lengths, default=0)
    fill = -1 if argument.name == "turn" else 0
    padded = [row + [fill] * (width - len(row)) for row in lists]
    return _cast(argument, shape.kind, _made(argument, padded).reshape(len(lists), width))


def _made(argument: Argument, numbers: list[Any]) -> Tensor:
    try:
        return torch.tensor(numbers, device="cpu")
    except (ValueError, OverflowError, RuntimeError):  # an integer beyond 64 bits
        wanted = "numbers of at most 64 bits"
        raise contract_error("tensors", argument.name, wanted, "a larger integer") from None


def _is_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, (np.ndarray, Tensor)) and value.ndim > 0)


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, (np.generic, np.ndarray, Tensor)) else value


def _refuse_other_values(argument: Argument, row: int, values: Any) -> None:
    for value in values:
        single = isinstance(value, (np.ndarray, Tensor)) and value.ndim == 0
        if single or isinstance(value, (bool, int, float, np.generic)):
            continue
        shown = repr(value) if isinstance(value, str) else describe_value(value)
        remedy = "leave the row out with `valid`" if value is None else "convert it to a number"
        raise contract_error("tensors", argument.name, "numbers", f"{shown} in row {row}", remedy)


def _cast(argument: Argument, kind: str, given: Tensor) -> Tensor:
    """The tensor in a dtype of the kind; a number that would change is refused."""
    if kind in ("float", "real") and given.is_floating_point():
        return given
    cast_to = given.to(_DTYPES[kind])
    if torch.equal(cast_to.to(given.dtype), given):
        return cast_to
    if kind in ("float", "real"):  # an integer that float32 would round
        return given.to(torch.float64)
    wanted = "integers" if kind == "int" else "0 and 1, or flags"
    place = (cast_to.to(given.dtype) != given).nonzero()[0].tolist()
    fact = f"{given[tuple(place)].item()} in row {place[0]}"
    raise contract_error("tensors", argument.name, wanted, fact)


def _anchors(rows: list[Any], counts: dict[str, list[int]]) -> Tensor:
    lists = [list(cast("Sequence[Any]", _listed(row))) for row in rows]
    counts["anchor"] = [len(row) for row in lists]
    return anchor_table(lists)


def _listed(row: Any) -> Any:
    if isinstance(row, (str, bytes)) or not hasattr(row, "__iter__"):
        wanted = "one list of observations for each trajectory"
        raise contract_error("tensors", "anchor", wanted, describe_value(row))
    return row


def _turn_count(counts: Mapping[str, list[int]]) -> Tensor:
    """The number of turns of each row, from columns of lists; they must agree."""
    (first, wanted), *others = counts.items()
    for name, found in others:
        for row, (a, b) in enumerate(zip(wanted, found, strict=False)):
            if a != b:
                contract = f"a list of {a} turns in row {row}, like `{first}`"
                raise contract_error("tensors", name, contract, str(b), "or give `turn_count`")
    return torch.tensor(wanted, dtype=torch.int64, device="cpu")
