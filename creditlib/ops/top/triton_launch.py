"""The highest tokens of each row in one launch, a program for a row; no row is sorted."""

from __future__ import annotations

import torch
import triton.language as tl
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.backend.triton_tensors import OPTIONS, bits, on
from creditlib.ops.precision import as_float
from creditlib.ops.top import reference
from creditlib.ops.top.reference import ROUNDING
from creditlib.ops.top.triton_kernel import top_kernel
from creditlib.vocabulary.backends import interpreted

__all__ = ["top_mask"]

# Tokens that a program reads at a time, and its warps. The interpreter takes time for every chunk.
CHUNK, WARPS = 2048 if interpreted() else 1024, 4


def top_mask(
    score: Tensor,
    turn: Tensor,
    fraction: float,
    whole: bool,
    offsets: Tensor | None = None,
) -> Tensor:
    """The tokens in the top `fraction` of their row; the reference ranks those of all rows."""
    if whole:
        return reference.top_mask(score, turn, fraction, whole, offsets)
    refuse_unordered_turns("top_fraction", turn, offsets)
    result = torch.empty(turn.shape, dtype=torch.bool, device=turn.device)
    rows = turn.shape[0] if offsets is None else offsets.shape[0] - 1
    if not turn.numel():
        return result
    values = bits(as_float(score.detach()).contiguous())
    with on(turn):
        top_kernel[(rows,)](
            *(values, turn.contiguous(), result.view(torch.uint8), offsets, turn.shape[-1]),
            float(fraction) * (1.0 - ROUNDING),
            INT=tl.int64 if values.dtype == torch.float64 else tl.int32,
            SIGN=values.element_size() * 8 - 1,
            CHUNK=CHUNK,
            num_warps=WARPS,
            **OPTIONS,
        )
    return result
