"""Decode a byte to a value of a tensor, in the range that the vocabulary allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from creditlib.vocabulary.argument_spec import ArgumentSpec

__all__ = ["ValueDecoder", "shaped"]


def shaped(values: list[Any], width: int | None, dtype: torch.dtype) -> Tensor:
    """Nested lists as a tensor with `width` columns, even where there are no rows.

    >>> shaped([], 3, torch.bool).shape
    torch.Size([0, 3])
    """
    x = torch.tensor(values, dtype=dtype)
    return x if width is None else x.view(len(values), width)


class ValueDecoder:
    """Decodes the bytes of one tensor: its dtype, its range, and its value in padding.

    >>> decode = ValueDecoder("float", ArgumentSpec("seconds", low=0), (0.0, -1.5), torch.float32)
    >>> decode(0), decode(1)
    (0.0, 1.5)
    """

    def __init__(
        self,
        kind: str,
        spec: ArgumentSpec | None,
        values: Sequence[float],
        dtype: torch.dtype,
        fill: float = 0.0,
    ) -> None:
        self.kind = kind
        self.low = None if spec is None else spec.low
        self.high = None if spec is None else spec.high
        self.values = [self.into_range(value) for value in values]
        self.dtype = {"bool": torch.bool, "int": torch.int64}.get(kind, dtype)
        self.fill: Any = {"bool": False, "int": 0}.get(kind, fill)

    def into_range(self, value: float) -> float:
        """Map any float into the range of the argument."""
        if self.low is not None and self.high is not None:
            return self.low + abs(value) % (self.high - self.low)
        if self.low is not None:
            return self.low + abs(value)
        return value if self.high is None else self.high - abs(value)

    def __call__(self, byte: int) -> Any:
        """Decode a byte to a value in range."""
        if self.kind == "bool":
            return byte % 2 == 1
        if self.kind == "int":
            low = -1 if self.low is None else int(self.low)
            high = low + 4 if self.high is None else int(self.high)
            return low + (byte + (self.low is None)) % (high - low + 1)
        return self.values[byte % len(self.values)]

    def tensor(self, values: list[Any], width: int | None = None) -> Tensor:
        """Values, or rows of values, as a tensor of the argument's dtype."""
        return shaped(values, width, self.dtype)
