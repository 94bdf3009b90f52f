"""Center and scale by group on a GPU: one launch for up to 16,384 values.

Nothing is sorted. A program compares the ids of its rows with those of all rows, twice. The first
pass finds the rows of each group, the smallest and the largest value. The second pass sums the
distances to the smallest value and their squares, cut as in `triton_precision`. So equal values
give exactly 0, and neither order nor padding changes a bit. The number of pairs grows with the
square of the rows. The reference runs for more than MOST rows, for medians and for more than two
keys; it sorts once for each key and takes about ninety launches. The launcher never waits for the
device, so CUDA graphs can record it. Options are constants of the kernel: each value of an eps is
compiled once.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from creditlib.ops.backend.triton_tensors import OPTIONS, bits, on
from creditlib.ops.groups import reference
from creditlib.ops.groups.triton_kernel import relative_kernel

__all__ = ["relative"]

MOST = 16384
# Rows of a program, rows that it compares them with at once, warps of a program.
ROWS, COLS, WARPS = 2, 256, 4


def relative(
    x: Tensor,
    keys: Sequence[Tensor],
    where: Tensor,
    *,
    center: str | None = "mean",
    weight: Tensor | None = None,
    leave_out: Tensor | None = None,
    scale: str | None = None,
    ddof: int = 1,
    eps: float = 0.0,
    eps_at: str = "std",
    variance_eps: float = 0.0,
    lone: str | None = None,
    otherwise: Tensor | None = None,
) -> Tensor:
    """Each value relative to its group, in one launch; the reference computes what does not fit."""
    n = x.numel()
    if (
        n > MOST
        or not 0 < x.ndim < 3
        or len(keys) > 2
        or center in reference.MEDIANS
        or scale in reference.ROBUST
    ):
        return reference.relative(
            x, keys, where, center=center, weight=weight, leave_out=leave_out, scale=scale,
            ddof=ddof, eps=eps, eps_at=eps_at, variance_eps=variance_eps, lone=lone,
            otherwise=otherwise,
        )  # fmt: skip
    result = torch.empty(x.shape, dtype=torch.float64, device=x.device)
    if not n:
        return result
    part = None if center == "leave_one_out" else leave_out
    others = center == "leave_one_out" or part is not None
    given = [x, where.expand(x.shape), *keys, *[None] * (2 - len(keys)), part, weight, otherwise]
    pointers, strides = [], []
    for tensor in given:
        pointers.append(None if tensor is None else bits(tensor.detach().expand(x.shape)))
        strides += [0, 0] if tensor is None else [0, *pointers[-1].stride()][-2:]
    with on(x):
        relative_kernel[(-(-n // ROWS),)](
            *pointers, result, n, x.shape[-1], *strides,
            CENTER=center, OTHERS=others, SCALE=scale, DDOF=ddof, EPS=float(eps), EPS_AT=eps_at,
            VARIANCE_EPS=float(variance_eps), LONE=lone,
            ROWS=ROWS, COLS=COLS, num_warps=WARPS, **OPTIONS,
        )  # fmt: skip
    return result
