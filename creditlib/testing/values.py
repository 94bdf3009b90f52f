"""Bytes to values: each byte is a value of a tensor, in the range that the vocabulary allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from creditlib.word import Word

__all__ = ["Reader", "shaped"]


def shaped(values: list[Any], width: int | None, dtype: torch.dtype) -> Tensor:
    """Nested lists as a tensor, with as many columns as `width` even where there are no rows.

    >>> shaped([], 3, torch.bool).shape
    torch.Size([0, 3])
    """
    x = torch.tensor(values, dtype=dtype)
    return x if width is None else x.view(len(values), width)


class Reader:
    """A byte as a value of one tensor: of its kind, in its range.

    >>> read = Reader("float", Word("seconds", low=0), (0.0, -1.5), torch.float32, 0.0)
    >>> read(0), read(1)
    (0.0, 1.5)
    """

    def __init__(
        self,
        kind: str,
        word: Word | None,
        palette: Sequence[float],
        dtype: torch.dtype,
        fill: float,
    ) -> None:
        self.kind = kind
        self.low = None if word is None else word.low
        self.high = None if word is None else word.high
        self.palette = [self.fit(value) for value in palette]
        self.dtype = {"bool": torch.bool, "int": torch.int64}.get(kind, dtype)
        self.nothing: Any = {"bool": False, "int": 0}.get(kind, fill)

    def fit(self, value: float) -> float:
        """The number in the range that stands for any number."""
        if self.low is not None and self.high is not None:
            return self.low + abs(value) % (self.high - self.low)
        if self.low is not None:
            return self.low + abs(value)
        return value if self.high is None else self.high - abs(value)

    def __call__(self, byte: int) -> Any:
        """What a byte says."""
        if self.kind == "bool":
            return byte % 2 == 1
        if self.kind == "int":
            low = -1 if self.low is None else int(self.low)
            high = low + 4 if self.high is None else int(self.high)
            return low + (byte + (self.low is None)) % (high - low + 1)
        return self.palette[byte % len(self.palette)]

    def tensor(self, values: list[Any], width: int | None = None) -> Tensor:
        """Values, or rows of them, as a tensor of the argument's dtype."""
        return shaped(values, width, self.dtype)
