"""Ids of the values of a column, batch by batch: a text is hashed once a batch and then let go."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.ids import anchor_ids
from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.arrow_values import UnknownFormError

__all__ = ["IdColumn", "encoded", "is_text"]

Array = np.ndarray[Any, Any]


def is_text(kind: Any) -> bool:
    """Whether a type of arrow is that of texts."""
    types = arrow_modules()[0].types
    return types.is_string(kind) or types.is_large_string(kind)


def encoded(column: Any) -> Any:
    """A column of texts, numbers or flags as numbers of its distinct values.

    >>> import pyarrow
    >>> encoded(pyarrow.array(["door", None, "door"])).indices.to_pylist()
    [0, None, 0]
    """
    types = arrow_modules()[0].types
    kind = column.type
    if types.is_dictionary(kind):
        if not is_text(kind.value_type) or column.dictionary.null_count:
            raise UnknownFormError
        return column
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    if not (number or is_text(kind)):
        raise UnknownFormError
    return column.dictionary_encode()


class IdColumn:
    """The ids of a column, as `anchor_ids` gives them: −1 for null and NaN.

    Two values whose ids collide differ in a second hash, and are an `UnknownFormError`. `values`
    has the values themselves if `keep` asks for them.
    """

    def __init__(self, keep: bool = False) -> None:
        self._keep = keep
        self._ids: list[Array] = []
        self._checks: list[Array] = []
        self.values: list[Any] = []

    def add(self, coded: Any, rows: int, decode: Callable[[Any], Any] | None = None) -> None:
        """Add a batch of `rows` values that are `encoded`; None is a batch without any.

        `decode` makes a value of what the column holds.
        """
        distinct: list[Any] = [] if coded is None else coded.dictionary.to_pylist()
        if decode is not None:
            distinct = [decode(value) for value in distinct]
        distinct = [None if value != value else value for value in distinct]
        which = np.full(rows, len(distinct))
        if coded is not None:
            which = coded.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
        found = anchor_ids([[*distinct, None]])[0].numpy()
        self._ids.append(found[which])
        checks = np.array([_second_hash(value) for value in distinct], dtype=np.int64)
        self._checks.append(np.stack([found[:-1], checks]))
        if self._keep:
            self.values += [[*distinct, None][index] for index in which.tolist()]

    def ids(self) -> Tensor | None:
        """The id of every value of all batches, None where there is no value at all."""
        found = np.concatenate(self._ids)
        if not (found >= 0).any():
            return None
        pairs = np.concatenate(self._checks, axis=1)
        first, second = pairs[:, np.lexsort(pairs[::-1])]
        if ((first[1:] == first[:-1]) & (second[1:] != second[:-1])).any():
            raise UnknownFormError
        return torch.from_numpy(found)


def _second_hash(value: Any) -> int:
    return hash(value if isinstance(value, str) else json.dumps(value, sort_keys=True))
