"""Ratios of tokens in one launch; sums of turns by the kernels of `tokens`.

On a GPU nobody looks at the order of turn ids: the ratio of a token does not depend on it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.backend.triton_tensors import OPTIONS, bits, on
from creditlib.ops.importance.reference import LARGEST_LOG
from creditlib.ops.importance.triton_kernel import ratio_kernel
from creditlib.ops.precision import float_dtype, wide
from creditlib.ops.tokens.reference import refuse_turns
from creditlib.ops.tokens.triton_launch import sum_turns

__all__ = ["log_ratio_sums", "token_ratios"]

# Tokens of a program, and its warps.
BLOCK, WARPS = 1024, 4


def token_ratios(
    log_prob: Tensor,
    old_log_prob: Tensor,
    turn: Tensor,
    low: float,
    high: float,
    zero: bool,
    offsets: Tensor | None = None,
) -> Tensor:
    """The bounded ratio of each token; exactly 0 where turn < 0."""
    refuse_unordered_turns("importance_weight", turn, offsets)
    dtype = torch.promote_types(float_dtype(log_prob), float_dtype(old_log_prob))
    result = torch.empty(turn.shape, dtype=dtype, device=turn.device)
    tokens = turn.numel()
    if not tokens:
        return result
    ends = (0.0, 0.0) if zero else (float(low), float(high))
    new, old = (bits(x.detach().contiguous()) for x in (log_prob, old_log_prob))
    with on(turn):
        ratio_kernel[(-(-tokens // BLOCK),)](
            *(new, old, turn.contiguous(), result, tokens, float(low), float(high), *ends),
            LARGEST=LARGEST_LOG,
            BLOCK=BLOCK,
            num_warps=WARPS,
            **OPTIONS,
        )
    return result


def log_ratio_sums(
    log_prob: Tensor,
    old_log_prob: Tensor,
    turn: Tensor,
    turns: int,
    whole: bool,
    offsets: Tensor | None = None,
) -> Tensor:
    """The sum of the logarithms of each turn, and how many there are."""
    if whole:
        refuse_unordered_turns("importance_weight", turn, offsets)
        turn = turn.clamp(max=0)
    else:
        refuse_turns("importance_weight", turn, turns, offsets)
    x = wide(log_prob) - wide(old_log_prob)
    each = [sum_turns(value, turn, turns, offsets=offsets) for value in (x, turn >= 0)]
    return torch.stack([wide(part) for part in each])
