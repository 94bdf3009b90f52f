"""Lists of token ids: flat, and of integers, so that their length is a number of tokens."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch

from creditlib.rollouts.values import Place, is_count, schema_error

__all__ = ["are_all_token_ids", "are_token_ids", "checked_count", "checked_ids"]


def are_token_ids(values: object) -> bool:
    """Whether values are a flat list, or an array of one axis, of integers of at least 0.

    >>> are_token_ids([4, 5, 6]), are_token_ids([[4, 5], [6]]), are_token_ids([4.0])
    (True, False, False)
    """
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    if isinstance(values, np.ndarray):
        ids = cast("np.ndarray[Any, Any]", values)
        if ids.ndim != 1 or not ids.size:  # an empty array may have any dtype
            return ids.ndim == 1
        return ids.dtype.kind in "iu" and bool(ids.min() >= 0)
    return isinstance(values, (list, tuple)) and all(
        map(is_count, cast("Sequence[object]", values))
    )


def checked_ids(value: Any, key: str, place: Place) -> Any:
    """Token ids under a format's own key, or None; anything else is refused with that key.

    >>> checked_ids([4, 5], "completion_token_ids", "x.json step 2")
    [4, 5]
    """
    if value is not None and not are_token_ids(value):
        raise schema_error(key, "a flat list of token ids", value, place)
    return value


def checked_count(value: Any, key: str, place: Place) -> Any:
    """A number of tokens under a format's own key, or None; anything else is refused.

    >>> checked_count(7, "completion_tokens", "x.json step 2")
    7
    """
    if value is not None and not is_count(value):
        raise schema_error(key, "a whole number, at least 0", value, place)
    return value


def are_all_token_ids(values: Sequence[Any]) -> bool:
    """Whether each of the values is known to be token ids; False leaves it open.

    Tokens are the bulk of a file, so all lists, or all arrays, are looked at together.

    >>> are_all_token_ids([[4, 5], [6]]), are_all_token_ids([[4, 5], [True]])
    (True, False)
    """
    kinds = set(map(type, values))
    if kinds == {list}:
        return _are_lists_of_ids(values)
    flat = kinds == {np.ndarray} and {each.ndim for each in values} == {1}
    return flat and len({each.dtype for each in values}) == 1 and are_token_ids(_joined(values))


def _joined(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    return np.concatenate(list(values))


def _are_lists_of_ids(values: Sequence[list[Any]]) -> bool:
    ids = array("I")
    try:
        for each in values:
            ids.fromlist(each)  # refuses lists, texts, fractions and negative numbers
    except (TypeError, OverflowError):
        return False
    # A flag is taken for 0 or 1: only lists with such values are looked at one by one.
    places = np.flatnonzero(np.frombuffer(ids, dtype=f"u{ids.itemsize}") <= 1)
    ends = np.cumsum([len(each) for each in values])
    owners: list[int] = np.unique(np.searchsorted(ends, places, side="right")).tolist()
    return all({int}.issuperset(map(type, values[owner])) for owner in owners)
