"""Credit of whole groups that lie in one arrow table: what other engines call on each part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

import creditlib as cl

__all__ = ["COLUMNS", "PARTS", "credited"]

COLUMNS = ["id", "group", "outcome", "turns"]  # a reader of columns does not look inside `turns`
PARTS = 64  # by hash of the group: a call credits many groups


def credited(table: pa.Table, estimator: str) -> pa.Table:
    """The columns `id` and `credit` of the groups of a table.

    Credit is a list for each trajectory: of its turns, or of one number.

    >>> turns = [[{"observation": "a", "reward": 0.0}], [{"observation": "a", "reward": 0.0}]]
    >>> columns = {"id": ["x", "y"], "group": ["g", "g"], "outcome": [1.0, 0.0], "turns": turns}
    >>> credited(pa.table(columns), "gigpo")["credit"].to_pylist()[1][0] < 0
    True
    """
    table = table.combine_chunks()
    turns = _plain(table["turns"])
    flat = pc.list_flatten(turns)
    count = _numbers(pc.list_value_length(turns), np.int64)
    real = np.arange(max(int(count.max(initial=0)), 1)) < count[:, None]
    outcome = _numbers(table["outcome"], np.float64)
    batch: dict[str, Any] = {
        "reward": torch.from_numpy(np.nan_to_num(outcome).astype(np.float32)),
        "valid": torch.from_numpy(~np.isnan(outcome)),
        "group": torch.from_numpy(_ids(table["group"])),
        "turn_count": torch.from_numpy(count),
        "turn_reward": _padded(_numbers(pc.struct_field(flat, "reward"), np.float32), real, 0),
        "anchor": _padded(_ids(pc.struct_field(flat, "observation")), real, -1),
    }
    credit = cl.apply(estimator, batch).numpy()
    if credit.ndim == 1:  # of trajectories
        credit, real, count = credit[:, None], np.full((len(count), 1), True), np.ones_like(count)
    ends = pa.array(np.concatenate([[0], np.cumsum(count)]).astype(np.int32))
    lists = pa.ListArray.from_arrays(ends, pa.array(credit[real]))
    return pa.table({"id": table["id"], "credit": lists})


def _plain(column: Any) -> Any:
    found = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(found, pa.ChunkedArray):
        found = pa.concat_arrays(found.chunks)
    return found


def _numbers(column: Any, kind: Any) -> np.ndarray[Any, Any]:
    return _plain(column).to_numpy(zero_copy_only=False).astype(kind)


def _ids(column: Any) -> np.ndarray[Any, Any]:
    found = _plain(column)
    if pa.types.is_string_view(found.type):
        found = found.cast(pa.large_string())
    return _numbers(found.dictionary_encode().indices, np.int64)


def _padded(values: np.ndarray[Any, Any], real: np.ndarray[Any, Any], nothing: int) -> torch.Tensor:
    found = np.full(real.shape, nothing, dtype=values.dtype)
    found[real] = values
    return torch.from_numpy(found)
