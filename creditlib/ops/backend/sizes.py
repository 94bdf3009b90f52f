"""Sizes that an operator checks when it runs: under torch.compile no caller has looked at them.

Compiled loops and kernels trust their sizes: a turn map with more rows than the credit would read
foreign memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from torch import Tensor

from creditlib.vocabulary.messages import contract_error, describe_value
from creditlib.vocabulary.small_values import can_read_values, check_offsets

__all__ = ["SizeCheck", "broadcast_to", "same_shape", "token_sizes"]

# Refuses arguments by name, in the name of an operator.
SizeCheck: TypeAlias = Callable[[str, Mapping[str, Any]], None]


def _refuse(function: str, name: str, wanted: str, x: object) -> None:
    raise contract_error(function, name, wanted, describe_value(x))


def same_shape(first: str, *others: str) -> SizeCheck:
    """A check that tensors have the shape of the first one.

    >>> import torch
    >>> same_shape("x", "weight")("whiten", {"x": torch.zeros(2), "weight": torch.zeros(2)})
    """

    def check(function: str, given: Mapping[str, Any]) -> None:
        shape = given[first].shape
        for name in others:
            x = given.get(name)
            if x is not None and x.shape != shape:
                _refuse(function, name, f"{tuple(shape)} like `{first}`", x)

    return check


def broadcast_to(first: str, *others: str) -> SizeCheck:
    """A check that tensors, or lists of them, have the axes of the first one, of its size or 1.

    >>> import torch
    >>> broadcast_to("x", "keys")("relative", {"x": torch.zeros(2), "keys": [torch.zeros(1)]})
    """

    def check(function: str, given: Mapping[str, Any]) -> None:
        shape = given[first].shape
        for name in others:
            found = given.get(name)
            for x in found if isinstance(found, (list, tuple)) else [found]:
                if x is None:
                    continue
                fits = x.ndim == len(shape) and all(
                    a in (1, b) for a, b in zip(x.shape, shape, strict=True)
                )
                if not fits:
                    _refuse(function, name, f"{tuple(shape)} like `{first}`, or 1 there", x)

    return check


def token_sizes(function: str, given: Mapping[str, Any]) -> None:
    """Check token tensors against `turn`, rows against its rows, and `offsets` against its tokens.

    >>> import torch
    >>> token_sizes("to_tokens", {"credit": torch.zeros(1), "turn": torch.zeros(1, 2)})
    """
    turn, offsets = given["turn"], given.get("offsets")
    axes = 2 if offsets is None else 1
    if turn.ndim != axes:
        wanted = "int[batch token]" if offsets is None else "int[token] with `offsets`"
        _refuse(function, "turn", wanted, turn)
    same_shape("turn", "reward", "value", "present", "x", "weight")(function, given)
    rows = turn.shape[0]
    if isinstance(offsets, Tensor):
        if offsets.ndim != 1 or not len(offsets):
            _refuse(function, "offsets", "int[batch+1]", offsets)
        if can_read_values(offsets):
            check_offsets(function, offsets, turn.shape[0])
        rows = len(offsets) - 1
    for name in ("credit", "bootstrap"):
        x = given.get(name)
        if x is not None and (not x.ndim or x.shape[0] != rows):
            _refuse(function, name, f"of {rows} rows like `turn`", x)
