"""Which values of a tensor are read: those of rows that take part and of turns that exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["existing_turns", "in_valid_rows", "read_values"]


def in_valid_rows(x: Tensor, given: Mapping[str, Any]) -> Tensor:
    """The values of `x`, [batch …], in rows that take part.

    >>> in_valid_rows(torch.zeros(2, 1), {"valid": torch.tensor([True, False])})
    tensor([[ True],
            [False]])
    """
    where = torch.ones(x.shape, dtype=torch.bool, device=x.device)
    valid = given.get("valid")
    return where if valid is None else where & valid.view(-1, *[1] * (x.ndim - 1))


def existing_turns(turn_count: Tensor, turns: int) -> Tensor:
    """The turns that exist, bool[batch turn].

    >>> existing_turns(torch.tensor([1, 0]), 2)
    tensor([[ True, False],
            [False, False]])
    """
    return torch.arange(turns, device=turn_count.device) < turn_count[:, None]


def read_values(name: str, x: Tensor, axes: Sequence[str], given: Mapping[str, Any]) -> Tensor:
    """The values of the argument `name` that an estimator reads; bool like `x`.

    Excluded rows and turns past `turn_count` are not read. The last turn is the answer, whose
    information gain is not read; a coalition has one value more than there are turns.

    >>> count = {"turn_count": torch.tensor([2])}
    >>> read_values("duration", torch.zeros(1, 3), ["batch", "turn"], count)
    tensor([[ True,  True, False]])
    """
    count = given.get("turn_count")
    if count is None or (axes[1:] != ["turn"] and axes[2:] != ["turn"]):
        return in_valid_rows(x, given)
    more = {"information_gain": -1, "coalition_value": 1}.get(name, 0)
    where = existing_turns(count + more, x.shape[-1])
    if x.ndim == 3:
        where = where[:, None].expand(x.shape)
    return where if given.get("valid") is None else where & in_valid_rows(x, given)
