"""Reverse scans in Triton: parts that kernels are made of, and the running minimum.

A scan from the end sees what lies to the right first: the first arguments of a combination.
"""

# pyright: reportUntypedFunctionDecorator=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportInvalidTypeForm=false
# pyright: reportAssignmentType=false, reportArgumentType=false

from __future__ import annotations

from typing import Any, cast

import torch
import triton
import triton.language as tl
from torch import Tensor

from creditlib.ops import dispatch, scan
from creditlib.ops._tiles_triton import OPTIONS, Kernel, on, rows

__all__ = ["KERNELS", "affine", "first", "least", "moved_left", "reverse_minimum", "summed"]

# Tokens a program takes at a time, and its warps. In the interpreter every token costs.
CHUNK = 64 if dispatch.interpreted() else 1024
WARPS = 4


@triton.jit
def affine(value, factor, own_value, own_factor):
    """own_value + own_factor · (value + factor · y), as a value and a factor of y."""
    return tl.fma(own_factor, value, own_value), own_factor * factor


@triton.jit
def least(value, own):
    """The smaller one, or the one that is not a number."""
    return tl.where((own < value) | (own != own), own, value)


@triton.jit
def summed(value, factor, UNIT: tl.constexpr):
    """y[t] = value[t] + factor[t] · y[t+1] as sums and factors of y after the end.

    UNIT: all factors are 1.
    """
    if UNIT:
        sums = tl.cumsum(value, 0, reverse=True)
        factors = tl.full(value.shape, 1.0, value.dtype)
    else:
        sums, factors = tl.associative_scan((value, factor), 0, affine, reverse=True)
    return sums, factors


@triton.jit
def first(x, SIZE: tl.constexpr):
    """x[0], as a scalar."""
    return tl.sum(tl.where(tl.arange(0, SIZE) == 0, x, 0), 0)


@triton.jit
def moved_left(x, end, SIZE: tl.constexpr):
    """x[t+1], and `end` at the end."""
    index = tl.arange(0, SIZE)
    moved = tl.gather(x, tl.minimum(index + 1, SIZE - 1), 0)
    return tl.where(index == SIZE - 1, end, moved)


@triton.jit
def _minimum(x, out, stride, out_stride, width, ACC: tl.constexpr, CHUNK: tl.constexpr):
    """One program a row, chunk by chunk from the end."""
    row = tl.program_id(0).to(tl.int64)
    lowest = tl.full((), float("inf"), ACC)
    index = tl.arange(0, CHUNK)
    chunk = (width - 1) // CHUNK
    while chunk >= 0:
        at, inside = chunk * CHUNK + index, index < width - chunk * CHUNK
        part = tl.load(x + row * stride + at, mask=inside, other=float("inf")).to(ACC)
        part = least(lowest, tl.associative_scan(part, 0, least, reverse=True))
        tl.store(out + row * out_stride + at, part, mask=inside)
        lowest = first(part, CHUNK)
        chunk -= 1


def reverse_minimum(x: Tensor, row: Tensor | None = None) -> Tensor:
    """As the reference; packed rows are the reference's."""
    if row is not None:
        return scan.reverse_minimum(x, row)
    result = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    if not x.numel():
        return result
    x = rows(x) if x.ndim == 2 else rows(x.reshape(-1, x.shape[-1]))
    flat = result.view(x.shape)
    wide = tl.float64 if x.dtype == torch.float64 else tl.float32
    with on(x):
        cast("Any", _minimum)[(x.shape[0],)](
            *(x, flat, x.stride(0), flat.stride(0), x.shape[1]),
            ACC=wide,
            CHUNK=CHUNK,
            num_warps=WARPS,
            **OPTIONS,
        )
    return result


KERNELS = [
    Kernel(
        name=f"reverse_minimum/{kind}",
        function=_minimum,
        signature={"x": f"*{kind}", "out": f"*{kind}"}
        | dict.fromkeys(("stride", "out_stride", "width"), "i32"),
        constants={"ACC": acc, "CHUNK": CHUNK},
        warps=WARPS,
        aligned=("x", "out", "stride", "out_stride", "width"),
        demands=("LDG.E.128", "STG.E.128"),
        narrow=0,
    )
    for kind, acc in (("fp32", tl.float32), ("fp64", tl.float64))
]
