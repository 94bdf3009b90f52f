"""Weighted moments and whitening on a GPU: one launch for few values, three for many.

    few     one program: range, sums and whitened values, in three loops over the cached values
    many    1. the range: how many values count, the smallest, the largest, the largest weight
            2. sums of the distances to the smallest value, cut as in `triton_precision`
            3. the moments from all sums, in every program again, and the whitened values

The smallest value is subtracted as in the reference: equal values give exactly 0. Sums are the same
bits in any order, so neither padding, layout nor the number of programs changes one. The launcher
never waits for the device and clears no memory, so CUDA graphs can record it. `eps` is a constant
of the kernels: each value is compiled once.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from creditlib.ops.backend.triton_tensors import compile_options, on, rows, target
from creditlib.ops.precision import copy_to_out
from creditlib.ops.whiten.reference import refuse_not_finite
from creditlib.ops.whiten.triton_kernel import (
    FACTOR,
    MASK,
    TURN,
    one_program,
    range_kernel,
    sums_kernel,
    whiten_kernel,
)
from creditlib.vocabulary.small_values import can_read_values

__all__ = ["moments", "standardize", "standardize_written"]

# One program takes up to FEW values. Beyond that at most PROGRAMS programs share them. Each program
# of the next launch reads PARTIALS partial results of each program before.
FEW, PROGRAMS, BLOCK, WARPS = 8192, 512, 1024, 8
PARTIALS = 10
# Registers of a thread. With 64 all PROGRAMS run at once on a large GPU; factors need more. One
# program alone may take what it likes.
REGISTERS = {MASK.value: 64, TURN.value: 64, FACTOR.value: 128}
REGISTERS_ALONE = 128


def _launch(x: Tensor, weight: Tensor, eps: float, kind: int, out: Tensor | None) -> Tensor:
    """(mean, rstd) as float64[2]; the whitened values are written into `out` if it is given.

    A value that is not finite is refused on a CPU, where looking at the mean costs no wait.
    """
    found = _moments_and_result(x, weight, eps, kind, out)
    # A variance that overflows has a reciprocal of 0.
    if can_read_values(found) and not bool((found.isfinite() & (found[1] > 0)).all()):
        refuse_not_finite(x, weight >= 0 if kind == TURN.value else weight)
    return found


def _moments_and_result(
    x: Tensor, weight: Tensor, eps: float, kind: int, out: Tensor | None
) -> Tensor:
    x, weight = rows(x), rows(weight)
    found = torch.empty(2, dtype=torch.float64, device=x.device)
    # Without `out` the kernels still take a pointer, which they do not use.
    result = found if out is None else out
    flat = all(part.is_contiguous() for part in (x, weight, result))
    n, width = x.numel(), max(x.shape[-1], 1)
    sizes = [n, width, x.stride(0), weight.stride(0)]
    form: dict[str, Any] = {"KIND": kind, "FLAT": flat, "BLOCK": BLOCK}
    form.update(compile_options(WARPS, REGISTERS_ALONE if n <= FEW else REGISTERS[kind]))
    last = {"EPS": float(eps), "WRITE": out is not None, **form}
    with on(x):
        if n <= FEW:
            one_program[(1,)](x, weight, result, found, *sizes, result.stride(0), **last)
            return found
        programs = min((n + BLOCK - 1) // BLOCK, PROGRAMS)
        form["PROGRAMS"] = last["PROGRAMS"] = PROGRAMS
        partial = torch.empty(PARTIALS * PROGRAMS, dtype=torch.float64, device=x.device)
        range_kernel[(programs,)](x, weight, partial, *sizes, **form)
        sums_kernel[(programs,)](x, weight, partial, *sizes, **form)
        grid = (1 if out is None else programs,)
        whiten_kernel[grid](
            x, weight, result, found, partial, programs, *sizes, result.stride(0), **last
        )
    return found


def _kind(weight: Tensor) -> int:
    return MASK.value if weight.dtype == torch.bool else FACTOR.value


def moments(x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """(mean, rstd) of x where weight > 0."""
    found = _launch(x, weight, eps, _kind(weight), None)
    return found[0], found[1]


def standardize(x: Tensor, weight: Tensor, eps: float, out: Tensor | None = None) -> Tensor:
    """(x − mean) · rstd where weight > 0, exactly 0 elsewhere."""
    result = target(x, x.dtype, out)
    _launch(x, weight, eps, _kind(weight), result)
    return copy_to_out(result, out)


def standardize_written(x: Tensor, turn: Tensor, eps: float, out: Tensor | None = None) -> Tensor:
    """standardize(x, turn >= 0, eps, out), without a tensor for the mask."""
    result = target(x, x.dtype, out)
    _launch(x, turn, eps, TURN.value, result)
    return copy_to_out(result, out)
