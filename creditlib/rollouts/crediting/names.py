"""Names of groups and trajectories: their ids, and how outputs write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from creditlib.inputs.ids import ids
from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.arrow_values import UnknownFormError, some
from creditlib.rollouts.values import plain_value

__all__ = ["column_names", "fits_int64", "group_ids", "labels_of", "name_ids"]


def group_ids(names: Sequence[Any]) -> tuple[Any, Any]:
    """The id of the group of each trajectory as in `ids`, and a second, independent hash.

    Two groups whose ids collide differ in the second one.

    >>> id, check = group_ids(["a", "b", "a"])
    >>> bool(id[0] == id[2] and check[0] == check[2] and check[0] != check[1])
    True
    """
    distinct = list(dict.fromkeys((type(name), name) for name in names))
    place = {key: at for at, key in enumerate(distinct)}
    which = np.fromiter((place[type(n), n] for n in names), dtype=np.int64, count=len(names))
    plain = [name for _, name in distinct]
    first = ids(plain).numpy()
    second = ids([("group", name) for name in plain]).numpy()
    return first[which], second[which]


def name_ids(names: Sequence[Any]) -> Any:
    """The id of the name of each trajectory, −1 where it has none."""
    found = np.full(len(names), -1, dtype=np.int64)
    named = [at for at, name in enumerate(names) if name is not None]
    found[named] = ids([names[at] for at in named]).numpy()
    return found


def column_names(column: Any, required: bool) -> tuple[str, Any, Any]:
    """The kind of names, the id of each, and a second hash of those that are required."""
    arrow, _, _ = arrow_modules()
    kind = column.type
    if arrow.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if not required and not some(column):
        return "", name_ids([None] * len(column)), None
    text = arrow.types.is_string(kind) or arrow.types.is_large_string(kind)
    if not (text or (arrow.types.is_integer(kind) and not arrow.types.is_uint64(kind))):
        raise UnknownFormError
    if required and column.null_count:
        raise UnknownFormError
    coded = column.dictionary_encode()
    distinct: list[Any] = coded.dictionary.to_pylist()
    which = coded.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
    if required:
        id, check = group_ids(distinct)
        return "text" if text else "integer", id[which], check[which]
    return "text" if text else "integer", name_ids([*distinct, None])[which], None


def fits_int64(value: Any) -> bool:
    """Whether a name is an integer that a column can hold."""
    return isinstance(value, int) and -(2**63) <= value < 2**63


def labels_of(
    rows: Sequence[Any], good: Sequence[bool], numbers: Sequence[int]
) -> tuple[Any, frozenset[str]]:
    """The names of groups and trajectories as text, null for a bad row, and their kinds."""
    arrow, _, _ = arrow_modules()
    columns: dict[str, list[str | None]] = {}
    kinds: set[str] = set()
    for column, key in (("group", "group"), ("trajectory", "id")):
        found: list[str | None] = []
        for row, fine in zip(rows, good, strict=True):
            name = plain_value(row.get(key)) if fine else None
            if name is not None:
                kinds.add(f"{column} {'integer' if fits_int64(name) else 'text'}")
            found.append(None if name is None else str(name))
        columns[column] = found
    return arrow.table(
        {
            "row": arrow.array(numbers, arrow.int64()),
            **{name: arrow.array(each, arrow.string()) for name, each in columns.items()},
        }
    ), frozenset(kinds)
