"""Ratios of probabilities: of each token, and the logarithms that a turn or a row adds up to."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from creditlib.ops.backend.operation import Operation
from creditlib.ops.backend.sizes import same_shape, token_sizes
from creditlib.ops.backend.torch_library import per_token
from creditlib.ops.importance import reference
from creditlib.ops.importance.reference import LARGEST_LOG, bounded

__all__ = ["LARGEST_LOG", "bounded", "log_ratio_sums", "token_ratios"]

_same = same_shape("turn", "log_prob", "old_log_prob")


def _sizes(function: str, given: Mapping[str, Any]) -> None:
    token_sizes(function, given)
    _same(function, given)


def _sums(given: Mapping[str, Any]) -> Tensor:
    turn, offsets = given["turn"], given.get("offsets")
    rows = turn.shape[0] if offsets is None else offsets.shape[0] - 1
    return turn.new_empty(2, rows, given["turns"], dtype=torch.float64)


token_ratios = Operation(
    reference.token_ratios,
    schema=(
        "(Tensor log_prob, Tensor old_log_prob, Tensor turn, float low, float high, "
        "bool zero, Tensor? offsets=None) -> Tensor"
    ),
    check=_sizes,
    shape=per_token("log_prob", "old_log_prob"),
)

log_ratio_sums = Operation(
    reference.log_ratio_sums,
    schema=(
        "(Tensor log_prob, Tensor old_log_prob, Tensor turn, SymInt turns, bool whole, "
        "Tensor? offsets=None) -> Tensor"
    ),
    check=_sizes,
    shape=_sums,
)
