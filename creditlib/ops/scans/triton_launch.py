"""Running minima from the end of each row, one program for a row."""

from __future__ import annotations

import torch
import triton.language as tl
from torch import Tensor

from creditlib.ops.backend.triton_tensors import compile_options, on, rows
from creditlib.ops.scans import reference
from creditlib.ops.scans.triton_kernel import minimum_kernel
from creditlib.vocabulary.backends import interpreted

__all__ = ["reverse_minimum"]

# Tokens that a program reads at a time, its warps, registers of a thread. The interpreter takes
# time for every token.
CHUNK = 64 if interpreted() else 1024
WARPS, REGISTERS = 4, 96


def reverse_minimum(x: Tensor, row: Tensor | None = None) -> Tensor:
    """y[t] = min(x[t], y[t+1]); the reference computes packed rows."""
    if row is not None:
        return reference.reverse_minimum(x, row)
    result = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    if not x.numel():
        return result
    x = rows(x) if x.ndim == 2 else rows(x.reshape(-1, x.shape[-1]))
    flat = result.view(x.shape)
    with on(x):
        minimum_kernel[(x.shape[0],)](
            *(x, flat, x.stride(0), flat.stride(0), x.shape[1]),
            ACC=tl.float64 if x.dtype == torch.float64 else tl.float32,
            CHUNK=CHUNK,
            **compile_options(WARPS, REGISTERS),
        )
    return result
