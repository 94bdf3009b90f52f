"""Rows that take no part, for functions that do not know `valid`: deleted, and put back as 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor

from creditlib.vocabulary.messages import contract_error, describe_value
from creditlib.vocabulary.small_values import can_read_values

__all__ = ["without_excluded"]


def without_excluded(
    name: str,
    function: Callable[..., Any],
    valid: Tensor,
    tensors: Mapping[str, Tensor],
    options: Mapping[str, Any],
) -> Any:
    """The result of a function on the rows that take part; 0 for the others.

    `valid` is bool[batch]. A tensor with as many rows loses those that are left out. `name` is that
    of the function in a refusal.

    >>> valid, reward = torch.tensor([True, False]), torch.tensor([1.0, 5.0])
    >>> without_excluded("double", lambda reward: 2 * reward, valid, {"reward": reward}, {})
    tensor([2., 0.])
    """
    if valid.dtype is not torch.bool or valid.ndim != 1:
        raise contract_error(name, "valid", "bool[batch]", describe_value(valid))
    if can_read_values(valid) and bool(valid.all()):
        return function(**tensors, **options)
    if tensors.get("offsets") is not None:
        remedy = "name `valid` in the signature of the function"
        raise contract_error(name, "valid", "true in every packed row", "rows left out", remedy)
    kept = {key: _rows(name, key, x, valid) for key, x in tensors.items()}
    given = {key: _row_option(x, valid) for key, x in options.items()}
    return _put_back(name, function(**kept, **given), valid, int(valid.sum()))


def _rows(name: str, key: str, x: Tensor, valid: Tensor) -> Tensor:
    if x.ndim == 0:
        return x
    if len(x) != len(valid):
        fact = f"{describe_value(x)} where `valid` has batch {len(valid)}"
        raise contract_error(name, key, "one row for each trajectory", fact)
    return x[valid]


def _row_option(x: Any, valid: Tensor) -> Any:
    rows = isinstance(x, Tensor) and x.ndim > 0 and len(x) == len(valid)
    return x[valid] if rows else x


def _put_back(name: str, result: Any, valid: Tensor, rows: int) -> Any:
    if isinstance(result, tuple):
        parts = cast("tuple[Any, ...]", result)
        return tuple(_put_back(name, part, valid, rows) for part in parts)
    if not isinstance(result, Tensor) or result.ndim == 0:
        return result
    if len(result) != rows:
        fact = f"{describe_value(result)} for {rows} rows"
        raise contract_error(name, "result", "one row for each trajectory", fact)
    whole = result.new_zeros((len(valid), *result.shape[1:]))
    whole[valid] = result
    return whole
