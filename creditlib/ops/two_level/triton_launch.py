"""GAE of two levels on a GPU: one launch, in which a program walks each row from its end.

The form depends on the number of rows alone, so padding on the right changes no bit.
"""

from __future__ import annotations

import torch
import triton.language as tl
from torch import Tensor

from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.backend.triton_tensors import bits, compile_options, on, rows, target
from creditlib.ops.precision import as_float, copy_to_out
from creditlib.ops.returns.triton_launch import Form
from creditlib.ops.two_level.reference import rates_of
from creditlib.ops.two_level.triton_kernel import two_level_kernel
from creditlib.vocabulary.backends import interpreted

__all__ = ["FORMS", "MANY_ROWS", "two_level_gae"]

# From so many rows on a program is small, so that several share a multiprocessor.
MANY_ROWS = 512
# The interpreter takes time for every token of a chunk, also past the end of a row.
_SMALL = interpreted()
# Of few rows and of many, by the bytes of the largest number that the kernel scans: an id has 8 if
# the turn map is int64.
FORMS = {
    size: (
        Form(128 if _SMALL else 8192 // size, 8, 0, registers),
        Form(64 if _SMALL else 4096 // size, 4, 0, registers),
    )
    for size, registers in ((4, 128), (8, 160))
}


def two_level_gae(
    reward: Tensor,
    value: Tensor,
    turn: Tensor,
    *,
    gamma: float,
    lam: float,
    turn_gamma: float,
    turn_lam: float,
    restart: bool = False,
    bootstrap: Tensor | None = None,
    present: Tensor | None = None,
    offsets: Tensor | None = None,
    out: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Advantages and returns of GAE of two levels."""
    refuse_unordered_turns("two_level_gae", turn, offsets)
    dtype = torch.promote_types(as_float(reward[:0]).dtype, as_float(value[:0]).dtype)
    first, second = (None, None) if out is None else out
    result = target(turn, dtype, first), target(turn, dtype, second)
    if turn.numel():
        inputs = [None if x is None else rows(x) for x in (reward, value, turn, present)]
        each = [None if x is None else bits(x.detach().contiguous()) for x in (bootstrap, offsets)]
        count, width = turn.shape if offsets is None else (len(offsets) - 1, len(turn))
        strides = [0 if x is None or x.ndim == 1 else x.stride(0) for x in (*inputs, *result)]
        wide = turn.dtype == torch.int64
        within, across, last = rates_of(gamma, lam, turn_gamma, turn_lam, restart)
        form = FORMS[max(dtype.itemsize, 8 if wide else 4)][count >= MANY_ROWS]
        with on(turn):
            two_level_kernel[(count,)](
                *(*inputs, *each, *result, *strides, width, *within, *across, *last),
                ACC=tl.float64 if dtype == torch.float64 else tl.float32,
                ID=tl.int64 if wide else tl.int32,
                CHUNK=form.chunk,
                **compile_options(form.warps, form.registers),
            )
    return copy_to_out(result[0], first), copy_to_out(result[1], second)
