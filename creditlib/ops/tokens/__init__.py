"""Between levels: the credit of trajectories and turns on tokens, sums of tokens by turn."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from creditlib.ops.backend.operation import Operation
from creditlib.ops.backend.sizes import token_sizes
from creditlib.ops.backend.torch_library import per_token
from creditlib.ops.precision import narrow
from creditlib.ops.tokens import reference

__all__ = ["sum_turns", "to_tokens"]


def _sums(given: Mapping[str, Any]) -> Tensor:
    turn, offsets = given["turn"], given.get("offsets")
    rows = turn.shape[0] if offsets is None else offsets.shape[0] - 1
    return narrow(turn.new_empty(rows, given["turns"], dtype=torch.float64), given["x"])


to_tokens = Operation(
    reference.to_tokens,
    schema="(Tensor credit, Tensor turn, Tensor? weight=None, Tensor? offsets=None) -> Tensor",
    check=token_sizes,
    shape=per_token("credit"),
)

sum_turns = Operation(
    reference.sum_turns,
    schema="(Tensor x, Tensor turn, SymInt turns, Tensor? offsets=None) -> Tensor",
    check=token_sizes,
    shape=_sums,
)
