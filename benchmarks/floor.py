"""The floor of a row: its bytes, each touched once, at the bandwidth of a copy in the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

__all__ = ["copier", "moved"]


def moved(inputs: Iterable[Tensor], results: Iterable[Tensor]) -> int:
    """Bytes of inputs and results in the dtypes given; what is expanded in memory counts once.

    >>> moved([torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.int8)], [torch.zeros(2, 3)])
    54
    """
    return sum(_own(x) * x.element_size() for x in (*inputs, *results))


def _own(x: Tensor) -> int:
    count = 1
    for size, stride in zip(x.shape, x.stride(), strict=True):
        count *= 1 if stride == 0 and size > 1 else size
    return count


def copier(size: int, device: str) -> Callable[[], Any]:
    """A copy between two standing buffers that reads half of `size` bytes and writes the other.

    >>> copier(64, "cpu")().numel()
    32
    """
    source = torch.zeros(max(1, size // 2), dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    return lambda: target.copy_(source)
