"""Anchors as data holds them: ids already, or observations that become ids."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.ids import anchor_ids
from creditlib.vocabulary import Anchor

__all__ = ["anchor_table", "as_python_integer"]

_PLAIN = frozenset((str, bytes, int, float, bool, tuple, type(None)))  # they stay as they are


def as_python_integer(item: Any) -> Any:
    """An integer of numpy or torch as a Python integer, so that it is an id; others unchanged.

    >>> as_python_integer(np.int64(7)), as_python_integer("hall")
    (7, 'hall')
    """
    if not (isinstance(item, (np.generic, np.ndarray, Tensor)) and item.ndim == 0):
        return item
    value: Any = item.item()
    return value if type(value) is int else item


def anchor_table(rows: Sequence[Sequence[Any]]) -> Anchor:
    """One id per turn, -1 after the last turn.

    `rows[i]` lists what trajectory i saw at the start of each of its turns. If all are integers or
    None they are ids already; a negative one and None mean that there is no anchor. Otherwise
    they are observations, as in `anchor_ids`.

    >>> anchor_table([[5, None], [6]])
    tensor([[ 5, -1],
            [ 6, -1]])
    """
    table, kinds = rows, set(map(type, itertools.chain.from_iterable(rows)))
    if not kinds <= _PLAIN:
        table = [[as_python_integer(item) for item in row] for row in rows]
        kinds = set(map(type, itertools.chain.from_iterable(table)))
    if not kinds <= {int, type(None)}:
        return anchor_ids(table)
    width = max(map(len, table), default=0)
    ids = [[-1 if item is None else item for item in row] for row in table]
    padded = [row + [-1] * (width - len(row)) for row in ids]
    return torch.tensor(padded, dtype=torch.int64, device="cpu").reshape(len(rows), width)
