"""Rows in little memory: token ids as arrays, and equal texts as one object."""

from __future__ import annotations

from array import array
from typing import Any, cast

import numpy as np

__all__ = ["Packer", "narrow_ids", "packed_ids"]

_LARGEST_ID = np.iinfo(np.int32).max


def packed_ids(values: list[Any]) -> list[Any] | np.ndarray[Any, Any]:
    """Token ids as an array of int32; any other list stays as it is.

    A Python list takes 36 bytes for an id, the array takes 4.

    >>> packed_ids([4, 5, 6]), packed_ids([4, True]), packed_ids([-100])
    (array([4, 5, 6], dtype=int32), [4, True], [-100])
    """
    if not {int}.issuperset(map(type, values)):
        return values
    try:
        ids = np.array(array("i", values), dtype=np.int32)
    except OverflowError:
        return values
    return ids if ids.min(initial=0) >= 0 else values


def narrow_ids(ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An array of integers as int32 if all of them are token ids that fit, else the array itself.

    >>> narrow_ids(np.array([4, 5])).dtype, narrow_ids(np.array([4, 2**40])).dtype
    (dtype('int32'), dtype('int64'))
    """
    fits = not ids.size or (ids.min() >= 0 and ids.max() <= _LARGEST_ID)
    return ids.astype(np.int32) if fits else ids


class Packer:
    """Packs rows in place; equal texts of all its rows become one object.

    The texts are those of a row and the observations of its turns: prompts and states recur, what a
    policy wrote does not.

    >>> row = {"group": "7*8", "turns": [{"tokens": [4, 5]}]}
    >>> Packer().pack(row)
    >>> row
    {'group': '7*8', 'turns': [{'tokens': array([4, 5], dtype=int32)}]}
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def pack(self, row: dict[str, Any]) -> None:
        """Pack one row; a value that is not of the schema stays as it is."""
        for key, value in row.items():
            if type(value) is str:
                row[key] = self._texts.setdefault(value, value)
        turns = row.get("turns")
        if type(turns) is not list:
            return
        for turn in cast("list[Any]", turns):
            if type(turn) is dict:
                self._pack_turn(cast("dict[str, Any]", turn))

    def _pack_turn(self, turn: dict[str, Any]) -> None:
        seen, tokens = turn.get("observation"), turn.get("tokens")
        if type(seen) is str:
            turn["observation"] = self._texts.setdefault(seen, seen)
        if type(tokens) is list:
            turn["tokens"] = packed_ids(cast("list[Any]", tokens))
