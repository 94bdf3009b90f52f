"""The turns of batches of Arrow columns: their numbers, token counts and ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.arrow_values import UnknownFormError, integers, scores, some
from creditlib.rollouts.column_ids import IdColumn, encoded, is_text
from creditlib.rollouts.json_files import json_value
from creditlib.rollouts.schema import NUMBERS, TURN_KEYS, Number

__all__ = ["TurnColumns", "WholeColumn", "check_values"]

Array = np.ndarray[Any, Any]

_JSON = "observation_json"
_LARGEST_ID = np.iinfo(np.int32).max


class WholeColumn:
    """A key that all rows have, or none: anything else is an `UnknownFormError`."""

    def __init__(self) -> None:
        self._parts: list[Array] = []
        self._lacking = 0

    def add(self, values: Array | None, rows: int) -> None:
        """Add a batch of rows; None says that none of them has the key."""
        if values is None:
            self._lacking += rows
        else:
            self._parts.append(values)

    def values(self) -> Tensor | None:
        """The values of all batches, None where no row has one."""
        if not self._parts:
            return None
        if self._lacking:
            raise UnknownFormError
        return torch.from_numpy(np.concatenate(self._parts))


class TurnColumns:
    """What the turns of all batches hold; `keep` asks for the observations themselves."""

    def __init__(self, keep: bool) -> None:
        self.observation = IdColumn(keep)
        self.action = IdColumn()
        self._numbers = {key: WholeColumn() for key in NUMBERS}
        self._counted, self._listed = WholeColumn(), WholeColumn()
        self._unread: dict[str, int] = {}
        self._first: dict[str, tuple[int, int]] = {}
        self._turns = 0

    def add(self, flat: Any, count: Array) -> Any:
        """Read the turns of a batch; returns them as the column to hold, without what repeats."""
        arrow, compute, _ = arrow_modules()
        names: list[str] = [field.name for field in flat.type]
        if len(set(names)) < len(names):
            raise UnknownFormError
        fields = {name: compute.struct_field(flat, name) for name in names}
        rows = len(flat)
        for key, number in NUMBERS.items():
            self._numbers[key].add(_numbers(fields.get(key), number), rows)
        counts = fields.get("token_count")
        self._counted.add(integers(counts) if _has(counts) else None, rows)
        if "text" in fields and _has(fields["text"]) and not is_text(fields["text"].type):
            raise UnknownFormError
        held = {**fields, **self._tokens(fields.get("tokens"), rows), **self._seen(fields, rows)}
        for at, name in enumerate(names):
            if name not in TURN_KEYS and name != _JSON:
                self._note(name, fields[name], at)
        self._turns += rows
        ends = arrow.array(np.concatenate([[0], np.cumsum(count)]).astype(np.int32))
        parts = arrow.StructArray.from_arrays([held[name] for name in names], names)
        return arrow.ListArray.from_arrays(ends, parts)

    def _tokens(self, column: Any, rows: int) -> dict[str, Any]:
        """Count the token ids; they are held as int32 if all of them fit."""
        arrow, compute, _ = arrow_modules()
        if not _has(column):
            self._listed.add(None, rows)
            return {}
        kind = column.type
        listed = arrow.types.is_list(kind) or arrow.types.is_large_list(kind)
        if not listed or not arrow.types.is_integer(kind.value_type) or column.null_count:
            raise UnknownFormError
        ids = compute.list_flatten(column)
        limits = compute.min_max(ids).as_py()
        if ids.null_count or (len(ids) and limits["min"] < 0):
            raise UnknownFormError
        sizes = compute.list_value_length(column).to_numpy(zero_copy_only=False)
        self._listed.add(sizes.astype(np.int64), rows)
        if len(ids) and limits["max"] > _LARGEST_ID:
            return {}
        ends = arrow.array(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))
        return {"tokens": arrow.ListArray.from_arrays(ends, ids.cast(arrow.int32()))}

    def _seen(self, fields: dict[str, Any], rows: int) -> dict[str, Any]:
        """Take the ids of observations and actions; those that repeat are held once a batch."""
        given = {
            key: encoded(fields[key])
            for key in ("observation", _JSON, "action")
            if _has(fields.get(key))
        }
        if len(given.keys() & {"observation", _JSON}) > 1:
            raise UnknownFormError
        if _JSON in given:
            self.observation.add(given[_JSON], rows, json_value)
        else:
            self.observation.add(given.get("observation"), rows)
        self.action.add(given.get("action"), rows)
        return {key: each for key, each in given.items() if 2 * len(each.dictionary) <= rows}

    def _note(self, name: str, column: Any, at: int) -> None:
        """Count the values of a key that nobody reads."""
        check_values(column)
        if not _has(column):
            return
        first = int(column.is_valid().to_numpy(zero_copy_only=False).argmax())
        self._first.setdefault(name, (self._turns + first, at))
        self._unread[name] = self._unread.get(name, 0) + len(column) - column.null_count

    def unread(self) -> dict[str, int]:
        """How many turns have each key that nobody reads, in order of first appearance."""
        return {
            name: self._unread[name] for name in sorted(self._first, key=self._first.__getitem__)
        }

    def numbers(self) -> dict[str, Tensor | None]:
        """The numbers of all turns by tensor."""
        return {number.tensor: self._numbers[key].values() for key, number in NUMBERS.items()}

    def lengths(self) -> Tensor | None:
        """The tokens of each turn; where two keys state them, they must agree."""
        counted, listed = self._counted.values(), self._listed.values()
        if counted is None or listed is None:
            return listed if counted is None else counted
        if not counted.equal(listed):
            raise UnknownFormError
        return counted


def _has(column: Any) -> bool:
    return column is not None and some(column)


def _numbers(column: Any, number: Number) -> Array | None:
    if not _has(column):
        return None
    values, _ = scores(column, number.flag, *number.limits)
    missing = np.isnan(values)
    if missing.all():
        return None
    if missing.any():
        raise UnknownFormError
    return values.astype(np.float32)


def check_values(column: Any) -> None:
    """Refuse a column that Python cannot hold, such as one with a date before the year 1."""
    if column is not None and not _is_plain(column.type):
        column.to_pylist()


def _is_plain(kind: Any) -> bool:
    """Whether every valid value of a type is a Python value."""
    types = arrow_modules()[0].types
    if types.is_struct(kind):
        return all(_is_plain(field.type) for field in kind)
    if types.is_list(kind) or types.is_large_list(kind):
        return _is_plain(kind.value_type)
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return number or is_text(kind) or types.is_null(kind)
