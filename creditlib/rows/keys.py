"""Ids, numbers and flags of rows, out of lists, arrays and tensors alike."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.ids import ids
from creditlib.rows.row_index import RowIndex
from creditlib.vocabulary.messages import contract_error, describe_value

__all__ = ["flags_of_rows", "group_numbers", "step_numbers", "trajectory_keys"]

_NAMES = frozenset((str, int, tuple))  # keys that are neither missing nor NaN


def trajectory_keys(given: Any, rows: int) -> list[Hashable] | None:
    """The trajectory id of each row; None if every row is a trajectory.

    >>> trajectory_keys(torch.tensor([7, 7]), 2), trajectory_keys([["a", 0], ["a", 1]], 2)
    ([7, 7], [('a', 0), ('a', 1)])
    """
    if given is None:
        return None
    keys = _listed("trajectory", given, rows)
    if _NAMES.issuperset(map(type, keys)):
        return keys
    for row, key in enumerate(keys):
        if key is None or key != key:
            remedy = "give a row without one an id of its own"
            raise contract_error("read_rows", "trajectory", "an id", f"{key} in row {row}", remedy)
        if isinstance(key, list):  # JSON has no tuples
            keys[row] = tuple(cast("list[Any]", key))
        elif not isinstance(key, Hashable):
            fact = f"{describe_value(key)} in row {row}"
            raise contract_error("read_rows", "trajectory", "texts, numbers or tuples", fact)
    return keys


def step_numbers(given: Any, rows: int) -> list[int] | None:
    """The number of each row in its trajectory.

    >>> step_numbers(np.array([1, 0]), 2)
    [1, 0]
    """
    if given is None:
        return None
    numbers = _listed("step", given, rows)
    if {int}.issuperset(map(type, numbers)):
        return numbers
    for row, number in enumerate(numbers):
        if not hasattr(number, "__index__"):
            fact = f"{number!r} in row {row}"
            raise contract_error("read_rows", "step", "an integer for each row", fact)
    return [int(number) for number in numbers]


def flags_of_rows(given: Any, rows: int) -> list[bool] | None:
    """Whether `keep` keeps each row; None if all rows are kept.

    >>> flags_of_rows([1, False], 2)
    [True, False]
    """
    if given is None:
        return None
    flags: list[Any] = given.tolist() if hasattr(given, "tolist") else list(given)
    if len(flags) != rows:
        fact = str(len(flags))
        raise contract_error("read_rows", "keep", f"one flag for each of {rows} rows", fact)
    for row, flag in enumerate(flags):
        if isinstance(flag, (str, bytes)) or flag not in (0, 1):
            raise contract_error("read_rows", "keep", "True or False", f"{flag!r} in row {row}")
    return [bool(flag) for flag in flags]


def group_numbers(given: Sequence[Hashable] | Tensor, index: RowIndex) -> Tensor:
    """int64[batch]: the group of each trajectory, the same in all of its rows.

    Rows that take no part need no group.
    """
    rows = index.trajectory >= 0
    wanted = f"one id for each of {len(rows)} rows"
    if isinstance(given, Tensor):
        if given.shape != rows.shape or given.is_floating_point():
            raise contract_error("read_rows", "group", wanted, describe_value(given))
        number = given.detach().to("cpu", torch.int64)
    else:
        keys = given.tolist() if isinstance(given, np.ndarray) else list(given)
        if len(keys) != len(rows):
            raise contract_error("read_rows", "group", wanted, str(len(keys)))
        number = _ids_of_part(keys, index, wanted)
    found = number[index.first]
    if not len(found) or index.last is index.first:  # every row is a trajectory
        return found
    differ = rows & (found[index.trajectory.clamp(min=0)] != number)
    if bool(differ.any()):
        row = int(differ.nonzero()[0])
        first = int(index.first[index.trajectory[row]])
        fact = f"another one in row {row} than in row {first}"
        raise contract_error("read_rows", "group", "the same in all rows of a trajectory", fact)
    return found


def _ids_of_part(keys: list[Any], index: RowIndex, wanted: str) -> Tensor:
    """int64[row]: the ids of the keys of rows that take part, 0 for other rows."""
    part = (index.trajectory >= 0).nonzero()[:, 0].tolist()
    if not _NAMES.issuperset(map(type, keys)):
        for row in part:
            if keys[row] is None or (isinstance(keys[row], float) and keys[row] != keys[row]):
                fact, remedy = f"{keys[row]} in row {row}", "leave the row out with `keep`"
                raise contract_error("read_rows", "group", wanted, fact, remedy)
    if len(part) == len(keys):
        return ids(keys)
    number = torch.zeros(len(keys), dtype=torch.int64, device="cpu")
    number[part] = ids([keys[row] for row in part])
    return number


def _listed(name: str, given: Any, rows: int) -> list[Any]:
    """A list with one item for each row; tensors and arrays of one number are that number."""
    whole = given.tolist() if isinstance(given, (Tensor, np.ndarray)) else list(given)
    if len(whole) != rows:
        raise contract_error("read_rows", name, f"one for each of {rows} rows", str(len(whole)))
    if _NAMES.issuperset(map(type, whole)):
        return whole
    return [
        each.item() if isinstance(each, (Tensor, np.ndarray)) and each.ndim == 0 else each
        for each in whole
    ]
