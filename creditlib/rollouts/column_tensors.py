"""Tensors of creditlib's schema from batches of Arrow columns, never row by row.

A form or a value that these functions do not know is an `UnknownFormError`: the rows are then read
one by one, which takes them or says what is wrong with them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.ids import anchor_ids, ids
from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.arrow_values import (
    UnknownFormError,
    integers,
    objectives,
    scores,
    some,
    turns,
)
from creditlib.rollouts.column_ids import IdColumn, encoded
from creditlib.rollouts.column_turns import TurnColumns, WholeColumn, check_values
from creditlib.rollouts.schema import TRAJECTORY_KEYS
from creditlib.rollouts.turns import Turns, padded_tensors

__all__ = ["ColumnTensors"]

Array = np.ndarray[Any, Any]


class ColumnTensors:
    """What the batches of a reading fill: `add` each of them, then take `tensors`."""

    def __init__(self, similarity: float | None) -> None:
        self.groups: list[str | int] = []
        self._similarity = similarity
        self._names: dict[str | int, str | int] = {}
        self._outcome, self._count = WholeColumn(), WholeColumn()
        self._length, self._rewards = WholeColumn(), WholeColumn()
        self._answer = IdColumn()
        self._turns = TurnColumns(keep=similarity is not None)
        self._unread: dict[str, int] = {}

    def add(self, batch: Any) -> Any:
        """Read a batch; returns it as it is to be held, with what repeats only once."""
        keys: list[str] = list(batch.schema.names)
        if not {"group", "outcome", "turns"} <= set(keys):
            raise UnknownFormError
        columns: dict[str, Any] = dict(zip(keys, batch.columns, strict=True))
        rows: int = batch.num_rows
        outcome, _ = scores(columns["outcome"], True)
        self._outcome.add(outcome, rows)
        flat, count = turns(columns["turns"])
        self._count.add(count, rows)
        self._length.add(_lengths(columns.get("length")), rows)
        self._rewards.add(_objectives(columns.get("rewards"), ~np.isnan(outcome)), rows)
        answer = columns.get("answer")
        self._answer.add(encoded(answer) if answer is not None and some(answer) else None, rows)
        for key in keys:
            self._note(key, columns[key])
        columns["group"] = self._group(columns["group"])
        columns["turns"] = self._turns.add(flat, count)
        arrow, _, _ = arrow_modules()
        return arrow.RecordBatch.from_arrays(list(columns.values()), keys)

    def _group(self, column: Any) -> Any:
        """Take the groups, of which equal ones are one object; returns the column encoded."""
        if column.null_count:
            raise UnknownFormError
        coded = encoded(column)
        distinct: list[Any] = coded.dictionary.to_pylist()
        if not {int, str}.issuperset(map(type, distinct)):
            raise UnknownFormError
        distinct = [self._names.setdefault(name, name) for name in distinct]
        self.groups += [distinct[index] for index in coded.indices.to_pylist()]
        return coded

    def _note(self, key: str, column: Any) -> None:
        """Check that Python can hold a column, and count the values that nobody reads."""
        if key == "id" or key not in TRAJECTORY_KEYS:
            check_values(column)
        if key not in TRAJECTORY_KEYS:
            self._unread[key] = self._unread.get(key, 0) + len(column) - column.null_count

    def unread(self) -> dict[str, dict[str, int]]:
        """The keys that the schema does not have, and how many values each has."""
        found = {key: count for key, count in self._unread.items() if count}
        return {"turn": self._turns.unread(), "trajectory": found}

    def tensors(self) -> dict[str, Tensor]:
        """The tensors of all batches, as `from_trajectories` makes them of the rows."""
        outcome, count = self._outcome.values(), self._count.values()
        if outcome is None or count is None:
            raise UnknownFormError
        valid = ~outcome.isnan()
        every = Turns([], count.tolist(), ())
        found: dict[str, Tensor] = {
            "reward": outcome.where(valid, 0.0).to(torch.float32),
            "valid": valid,
            "group": ids(self.groups),
            "turn_count": count,
        }
        numbers, lengths = self._turns.numbers(), self._turns.lengths()
        found |= padded_tensors(every, numbers, lengths, found["reward"])
        optional = {
            "anchor": self._anchor(every),
            "action": _padded(every, self._turns.action),
            "answer": self._answer.ids(),
            "rewards": self._rewards.values(),
            "length": self._lengths(found.get("turn_length")),
        }
        return found | {name: tensor for name, tensor in optional.items() if tensor is not None}

    def _anchor(self, every: Turns) -> Tensor | None:
        exact = _padded(every, self._turns.observation)
        if exact is None or self._similarity is None:
            return exact
        ends = np.cumsum(every.counts)[:-1].tolist()
        values = self._turns.observation.values
        seen = [values[low:high] for low, high in zip([0, *ends], [*ends, None], strict=True)]
        return anchor_ids(seen, group=self.groups, similarity=self._similarity)

    def _lengths(self, turn_length: Tensor | None) -> Tensor | None:
        """Tokens of each trajectory: stated, or the sum over its turns; where both, they agree."""
        summed = None if turn_length is None else turn_length.sum(dim=1)
        stated = self._length.values()
        if stated is None or summed is None:
            return summed if stated is None else stated
        if not stated.equal(summed):
            raise UnknownFormError
        return stated


def _padded(every: Turns, column: IdColumn) -> Tensor | None:
    found = column.ids()
    return None if found is None else every.padded(found, torch.int64, -1)


def _lengths(column: Any) -> Array | None:
    """Lengths, None where no row states one."""
    return integers(column) if column is not None and some(column) else None


def _objectives(column: Any, valid: Array) -> Array | None:
    """[batch objective], 0 where a row without an outcome has no list; None: no row has one."""
    if column is None or not some(column):
        return None
    present = column.is_valid().to_numpy(zero_copy_only=False)
    if not (present | ~valid).all():
        raise UnknownFormError
    values, size = objectives(column.drop_null())
    found = np.zeros((len(column), size), dtype=np.float32)
    found[present] = values.values.to_numpy(zero_copy_only=False).reshape(-1, size)
    return found
