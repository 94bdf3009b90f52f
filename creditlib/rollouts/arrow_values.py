"""Columns of a Parquet file as numpy and arrow arrays, checked as a whole.

What a function here does not know is an `UnknownFormError`: those rows are read one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.values import LARGEST, MOST

__all__ = ["UnknownFormError", "integers", "objectives", "scores", "some", "text", "turns"]


class UnknownFormError(Exception):
    """A column of another form than those that are read as a whole, or with a value to refuse."""


def some(column: Any) -> bool:
    """Whether a column has a value at all."""
    return column.null_count < len(column)


def turns(column: Any) -> tuple[Any, Any]:
    """All turns of a column as one struct array, and how many each trajectory has."""
    arrow, compute, _ = arrow_modules()
    kind = column.type
    listed = arrow.types.is_list(kind) or arrow.types.is_large_list(kind)
    if not listed or not arrow.types.is_struct(kind.value_type) or column.null_count:
        raise UnknownFormError
    flat = compute.list_flatten(column)
    if flat.null_count:
        raise UnknownFormError
    sizes = compute.list_value_length(column).to_numpy(zero_copy_only=False)
    return flat, sizes.astype(np.int64)


def scores(column: Any, flag: bool, low: float = -LARGEST, high: float = LARGEST) -> Any:
    """Numbers as float64 with NaN for null, and which of them are NaN in the file."""
    arrow, _, _ = arrow_modules()
    kind = column.type
    plain = arrow.types.is_floating(kind) or arrow.types.is_integer(kind)
    if arrow.types.is_null(kind):
        nothing = np.full(len(column), np.nan)
        return nothing, np.zeros(len(column), dtype=bool)
    if not plain and not (flag and arrow.types.is_boolean(kind)):
        raise UnknownFormError
    if arrow.types.is_boolean(kind):
        column = column.cast(arrow.uint8())
    if arrow.types.is_float16(kind) or arrow.types.is_uint64(kind):
        raise UnknownFormError
    found = column.cast(arrow.float64(), safe=False).to_numpy(zero_copy_only=False)
    nan = np.isnan(found)
    if not ((found >= low) & (found <= high) | nan).all():
        raise UnknownFormError
    null = column.is_null().to_numpy(zero_copy_only=False)
    return found, nan & ~null


def integers(column: Any) -> Any:
    """Counts as int64."""
    arrow, _, _ = arrow_modules()
    if not arrow.types.is_integer(column.type) or column.null_count:
        raise UnknownFormError
    found = column.cast(arrow.int64(), safe=False).to_numpy(zero_copy_only=False)
    if found.size and (found.min() < 0 or found.max() >= MOST):
        raise UnknownFormError
    return found


def objectives(column: Any) -> tuple[Any, int]:
    """Lists of one length as float32, NaN for null, and that length."""
    arrow, compute, _ = arrow_modules()
    kind = column.type
    listed = arrow.types.is_list(kind) or arrow.types.is_large_list(kind)
    if not listed or column.null_count:
        raise UnknownFormError
    sizes = compute.unique(compute.list_value_length(column)).to_pylist()
    values, _ = scores(compute.list_flatten(column), True)
    if len(sizes) != 1 or not sizes[0]:
        raise UnknownFormError
    size = int(sizes[0])
    ends = arrow.array(np.arange(0, size * len(column) + 1, size, dtype=np.int32))
    return arrow.ListArray.from_arrays(ends, arrow.array(values.astype(np.float32))), size


def text(column: Any) -> Any:
    """Names as text."""
    arrow, _, _ = arrow_modules()
    if arrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(arrow.string())
