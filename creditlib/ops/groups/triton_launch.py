"""Center and scale by group on a GPU: one launch for few values, three for many.

Nothing is sorted. Few values: a program compares the ids of its rows with those of all rows, twice.
The first pass finds the rows of each group, the smallest and the largest value. The second pass
sums the distances to the smallest value and their squares, cut as in `triton_precision`. So equal
values give exactly 0, and neither order nor padding changes a bit. The number of pairs grows with
the square of the rows. From more than PAIRS values on a table finds the rows of each group, in time
linear in the values (`triton_table`); its memory is cleared by two launches before, and `leave_out`
takes one launch more. The reference runs for medians and for more than two keys; it sorts once for
each key and takes about ninety launches. The launcher never waits for the device, so CUDA graphs
can record it. Options are constants of the kernel: each value of an eps is compiled once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from creditlib.ops.backend.triton_tensors import OPTIONS, bits, on
from creditlib.ops.groups import reference
from creditlib.ops.groups.triton_kernel import relative_kernel
from creditlib.ops.groups.triton_table import LEAST, add_kernel, finish_kernel, insert_kernel

__all__ = ["relative"]

# The most values that are compared pair by pair.
PAIRS = 2048
# Rows of a program, rows that it compares them with at once, warps of a program.
ROWS, COLS, WARPS = 2, 128, 4
# Values of a program that works with the table, a power of 2.
BLOCK = 128


def relative(
    x: Tensor,
    keys: Sequence[Tensor],
    where: Tensor | None,
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
    """Each value relative to its group; the reference computes what no kernel is for."""
    n = x.numel()
    by_rank = center in reference.MEDIANS or scale in reference.ROBUST
    if not 0 < x.ndim < 3 or len(keys) > 2 or by_rank:
        return reference.relative(
            x, keys, where, center=center, weight=weight, leave_out=leave_out, scale=scale,
            ddof=ddof, eps=eps, eps_at=eps_at, variance_eps=variance_eps, lone=lone,
            otherwise=otherwise,
        )  # fmt: skip
    dtype = torch.float64 if x.dtype is torch.float64 else torch.float32
    result = torch.empty(x.shape, dtype=dtype, device=x.device)
    if not n:
        return result
    part = None if center == "leave_one_out" else leave_out
    given = [x, where, *keys, *[None] * (2 - len(keys)), part, weight, otherwise]
    pointers: list[Tensor | None] = []
    strides: list[list[int]] = []
    for tensor in given:
        spread = None if tensor is None else bits(tensor.detach().expand(x.shape))
        pointers.append(spread)
        strides.append([0, 0] if spread is None else [0, *spread.stride()][-2:])
    options = {
        "CENTER": center,
        "SCALE": scale,
        "DDOF": ddof,
        "EPS": float(eps),
        "EPS_AT": eps_at,
        "VARIANCE_EPS": float(variance_eps),
        "LONE": lone,
    }
    with on(x):
        if n > PAIRS:
            _by_table(pointers, strides, result, options)
        else:
            others = center == "leave_one_out" or part is not None
            relative_kernel[(-(-n // ROWS),)](
                *pointers, result, n, x.shape[-1], *[each for pair in strides for each in pair],
                OTHERS=others, ROWS=ROWS, COLS=COLS, num_warps=WARPS, **options, **OPTIONS,
            )  # fmt: skip
    return result


def _by_table(
    pointers: list[Tensor | None],
    strides: list[list[int]],
    result: Tensor,
    options: dict[str, Any],
) -> None:
    """Write the values relative to their groups into `result`."""
    x, where, first, second, leave_out, weight, otherwise = pointers
    at = dict(
        zip(("x", "where", "first", "second", "part", "weight", "other"), strides, strict=True)
    )
    n, width, slots = result.numel(), result.shape[-1], 1 << (2 * result.numel() - 1).bit_length()
    indices = 1 if leave_out is None else 2
    # Extremes first; then a table for each index. Everything begins as no owner and no extreme.
    edges, table = 3 * n, (slots + BLOCK) // 2
    cleared = torch.full((edges + indices * table,), LEAST, device=result.device)
    tables = cleared[edges:].view(torch.int32).view(indices, -1)
    counts = torch.zeros((indices + 4 * indices + 4, n), dtype=torch.int64, device=result.device)
    sums = counts[indices:].view(torch.float64)
    owner = torch.empty((indices, n), dtype=torch.int32, device=result.device)
    form: dict[str, Any] = {"BLOCK": BLOCK, "num_warps": WARPS, **OPTIONS}
    grid = (-(-n // BLOCK),)
    insert_kernel[grid](
        x, where, first, second, weight, tables[0], owner[0], counts[0], cleared, n, width, slots,
        *at["x"], *at["where"], *at["first"], *at["second"], *at["weight"], **form,
    )  # fmt: skip
    part = part_count = None
    if leave_out is not None:
        part, part_count = owner[1], counts[1]
        insert_kernel[grid](
            None, where, owner[0], leave_out, None, tables[1], part, part_count, cleared,
            n, width, slots,
            *(0, 0), *at["where"], *(width, 1), *at["part"], *(0, 0), **form,
        )  # fmt: skip
    rows = *at["x"], *at["where"], *at["weight"]
    add_kernel[grid](
        x, where, weight, owner[0], part, counts[0], cleared, sums, n, width, *rows,
        SQUARES=options["SCALE"] is not None, **form,
    )  # fmt: skip
    finish_kernel[grid](
        x, where, weight, otherwise, owner[0], part, counts[0], part_count, cleared, sums, result,
        n, width, *rows, *at["other"], **options, **form,
    )  # fmt: skip
