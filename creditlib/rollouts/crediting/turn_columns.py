"""The columns of turns: which are wanted, their types, and how a struct of arrow becomes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from creditlib.inputs.ids import anchor_ids
from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.arrow_values import UnknownFormError, integers, scores, some
from creditlib.rollouts.crediting.plan import ALWAYS
from creditlib.rollouts.schema import NUMBERS, TURN_KEYS, keys_of_tensor

__all__ = [
    "KEY_OF",
    "TURN_TENSORS",
    "turn_columns",
    "turn_keys",
    "wanted_columns",
    "with_turn_length",
]

# The key of a turn that fills each tensor of numbers.
KEY_OF = {number.tensor: key for key, number in NUMBERS.items()}
# Tensors of shape [batch turn] with their dtype in the columns.
TURN_TENSORS = {
    "turn_reward": np.float32,
    "duration": np.float32,
    "process_reward": np.float32,
    "gold_log_prob": np.float32,
    "turn_length": np.int64,
    "anchor": np.int64,
    "action": np.int64,
}
# What each column of a tensor is computed from, where it is not the tensor itself.
_OWN = {"information_gain": "gold_log_prob"}


def wanted_columns(needs: frozenset[str]) -> set[str]:
    """The columns that the needed tensors are computed from, besides those of every trajectory.

    >>> sorted(wanted_columns(frozenset({"reward", "anchor", "information_gain"})))
    ['anchor', 'gold_log_prob']
    """
    return {_OWN.get(name, name) for name in needs} - ALWAYS


def turn_keys(wanted: Iterable[str]) -> frozenset[str]:
    """The keys of a turn that fill some columns.

    >>> sorted(turn_keys({"anchor", "length"}))
    ['observation', 'token_count', 'tokens']
    """
    found = {key for name in wanted for key in keys_of_tensor(name) if key in TURN_KEYS}
    return frozenset(found)


def with_turn_length(wanted: set[str], stated: bool) -> set[str]:
    """The tensors to read; a length that is not stated is the sum over the turns.

    >>> sorted(with_turn_length({"length"}, stated=False))
    ['length', 'turn_length']
    """
    return wanted | ({"turn_length"} if "length" in wanted and not stated else set())


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
