"""Columns of a Parquet file as numpy and arrow arrays, checked as a whole.

What a function here does not know is an `UnknownFormError`: those rows are read one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from creditlib.inputs.ids import anchor_ids
from creditlib.rollouts.crediting.row_scan import TURN_TENSORS, group_ids, name_ids
from creditlib.rollouts.parquet_files import arrow_modules
from creditlib.rollouts.schema import NUMBERS
from creditlib.rollouts.values import LARGEST, MOST

__all__ = [
    "KEY_OF",
    "UnknownFormError",
    "integers",
    "names",
    "objectives",
    "scores",
    "some",
    "text",
    "turn_columns",
    "turns",
]

# The key of a turn that fills each tensor of numbers.
KEY_OF = {number.tensor: key for key, number in NUMBERS.items()}


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


def names(column: Any, required: bool) -> tuple[str, Any, Any]:
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


def text(column: Any) -> Any:
    """Names as text."""
    arrow, _, _ = arrow_modules()
    if arrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(arrow.string())


def turn_columns(flat: Any, count: Any, wanted: set[str]) -> dict[str, Any]:
    """The columns of turns; a key without any value has none."""
    arrow, compute, _ = arrow_modules()
    keys = [field.name for field in flat.type]
    if len(set(keys)) < len(keys):
        raise UnknownFormError
    found: dict[str, Any] = {}
    for tensor, key in KEY_OF.items():
        if tensor in wanted and key in keys:
            values = _numbers(compute.struct_field(flat, key), NUMBERS[key])
            if values is not None:
                found[tensor] = values
    for tensor, key in (("anchor", "observation"), ("action", "action")):
        if tensor not in wanted:
            continue
        if tensor == "anchor" and _has_json(flat, keys):
            raise UnknownFormError
        if key in keys:
            values = _seen(compute.struct_field(flat, key))
            if values is not None:
                found[tensor] = values
    if "turn_length" in wanted:
        values = _lengths(flat, keys)
        if values is not None:
            found["turn_length"] = values
    ends = arrow.array(np.concatenate([[0], np.cumsum(count)]).astype(np.int32))
    return {
        name: arrow.ListArray.from_arrays(ends, arrow.array(values.astype(TURN_TENSORS[name])))
        for name, values in found.items()
    }


def _has_json(flat: Any, keys: list[str]) -> bool:
    """Whether some observation is stored as JSON text."""
    _, compute, _ = arrow_modules()
    name = "observation_json"
    return name in keys and some(compute.struct_field(flat, name))


def _numbers(column: Any, number: Any) -> Any:
    values, _ = scores(column, number.flag, number.low, number.high)
    missing = np.isnan(values)
    if missing.all():
        return None
    if missing.any():
        raise UnknownFormError
    return values


def _seen(column: Any) -> Any:
    """The id of each text, −1 for null; None where there is no text at all."""
    arrow, _, _ = arrow_modules()
    kind = column.type
    if arrow.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if not some(column):
        return None
    if not (arrow.types.is_string(kind) or arrow.types.is_large_string(kind)):
        raise UnknownFormError
    coded = column.dictionary_encode()
    texts: list[Any] = coded.dictionary.to_pylist()
    ids = anchor_ids([[*texts, None]])[0].numpy()
    return ids[coded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)]


def integers(column: Any) -> Any:
    """Counts as int64."""
    arrow, _, _ = arrow_modules()
    if not arrow.types.is_integer(column.type) or column.null_count:
        raise UnknownFormError
    found = column.cast(arrow.int64(), safe=False).to_numpy(zero_copy_only=False)
    if found.size and (found.min() < 0 or found.max() >= MOST):
        raise UnknownFormError
    return found


def _lengths(flat: Any, keys: list[str]) -> Any:
    """Tokens of each turn, None where no turn states them."""
    arrow, compute, _ = arrow_modules()
    if "token_count" in keys:
        column = compute.struct_field(flat, "token_count")
        return integers(column) if some(column) else None
    if "tokens" not in keys:
        return None
    column = compute.struct_field(flat, "tokens")
    kind = column.type
    if not some(column):
        return None
    listed = arrow.types.is_list(kind) or arrow.types.is_large_list(kind)
    if not listed or not arrow.types.is_integer(kind.value_type) or column.null_count:
        raise UnknownFormError
    ids = compute.list_flatten(column)
    if ids.null_count or (len(ids) and compute.min(ids).as_py() < 0):
        raise UnknownFormError
    return compute.list_value_length(column).to_numpy(zero_copy_only=False)


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
