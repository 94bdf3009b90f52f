"""The highest tokens of a row, or of all rows."""

from collections.abc import Mapping
from typing import Any

import torch

from creditlib.ops.backend.operation import Operation
from creditlib.ops.backend.sizes import same_shape, token_sizes
from creditlib.ops.top import reference

__all__ = ["top_mask"]

_same = same_shape("turn", "score")


def _sizes(function: str, given: Mapping[str, Any]) -> None:
    token_sizes(function, given)
    _same(function, given)


top_mask = Operation(
    reference.top_mask,
    schema=(
        "(Tensor score, Tensor turn, float fraction, bool whole, Tensor? offsets=None) -> Tensor"
    ),
    check=_sizes,
    shape=lambda given: given["turn"].new_empty(given["turn"].shape, dtype=torch.bool),
)
