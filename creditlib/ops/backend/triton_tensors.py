"""How tensors reach Triton kernels, and how kernels are compiled."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor

__all__ = ["OPTIONS", "bits", "compile_options", "on", "rows", "target"]

# The compiler fuses a multiplication and an addition only where the kernel says so.
OPTIONS = {"enable_fp_fusion": False}


def compile_options(warps: int, registers: int) -> dict[str, Any]:
    """The options of a kernel: its warps, and the most registers that a thread may use.

    Without such a number the assembler of CUDA takes as few as let one more program run at once,
    and may spill some for it, which depends on its version. AMD's compiler knows no such option.

    >>> compile_options(4, 96)["num_warps"]
    4
    """
    options: dict[str, Any] = {"num_warps": warps, **OPTIONS}
    if torch.version.hip is None:
        options["maxnreg"] = registers
    return options


def on(x: Tensor) -> contextlib.AbstractContextManager[Any]:
    """Make the device of a tensor the current one, on which kernels run.

    >>> with on(torch.zeros(1)):
    ...     pass
    """
    return torch.cuda.device(x.device) if x.is_cuda else contextlib.nullcontext()


def bits(x: Tensor) -> Tensor:
    """A view of a bool tensor as bytes 0 and 1; any other tensor with its sign in memory.

    >>> bits(torch.tensor([True, False]))
    tensor([1, 0], dtype=torch.uint8)
    """
    return x.view(torch.uint8) if x.dtype == torch.bool else x.resolve_neg()


def rows(x: Tensor) -> Tensor:
    """The tensor if each of its rows is contiguous, else a contiguous copy.

    >>> rows(torch.zeros(4, 6)[:, :3]).stride()
    (6, 1)
    >>> rows(torch.zeros(6, 4).T).stride()
    (6, 1)
    """
    return bits(x.detach() if x.shape[-1] < 2 or x.stride(-1) == 1 else x.detach().contiguous())


def target(like: Tensor, dtype: torch.dtype, out: Tensor | None) -> Tensor:
    """The tensor that a kernel writes: `out` if dtype and strides allow it, else a new one.

    >>> target(torch.zeros(2, dtype=torch.int64), torch.float32, None).dtype
    torch.float32
    """
    fits = out is not None and out.dtype == dtype and not out.is_neg()
    if out is not None and fits and (out.shape[-1] < 2 or out.stride(-1) == 1):
        return out
    return torch.empty(like.shape, dtype=dtype, device=like.device)
