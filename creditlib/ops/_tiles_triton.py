"""What Triton kernels share: how tensors reach them, and how each form is named for the compiler.

Every `*_triton.py` module that defines kernels has a list `KERNELS` of `Kernel` entries, one for
each form that its launchers use (dtypes, flags, block size, warps), built from the very tables
that the launchers read. `tests/test_kernels.py` finds the lists by itself and compiles each entry
ahead of time, without a GPU: no spills, no local memory, wide memory accesses. A new kernel
appends an entry and nothing else::

    KERNELS = [
        Kernel(
            name="spread/float32",            # unique, printed in the report
            function=_spread,                 # the @triton.jit function
            signature={"credit": "*fp32", "turn": "*i16", "out": "*fp32", "width": "i32"},
            constants={"offsets": None, "CHUNK": CHUNK},   # constexpr and None arguments
            warps=WARPS,
            aligned=("credit", "turn", "out", "width"),    # multiples of 16 (pointers: bytes)
            demands=("LDG.E.128", "STG.E.128"),            # SASS that must occur
            narrow=4,                          # at most so many 8, 16 and 32 bit LDG and STG
        ),
    ]
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["OPTIONS", "Kernel", "bits", "on", "rows", "target"]

# How kernels are compiled: fused multiplication and addition only where they say so.
OPTIONS = {"enable_fp_fusion": False}


class Kernel(NamedTuple):
    """One form of a kernel, as its launcher uses it and as the compiler is to be asked for it.

    signature: the types of all arguments that are not in `constants`. aligned: those that are
    multiples of 16. demands: machine instructions that must occur. narrow: how many global
    accesses of at most 32 bits per thread may occur, None for any number. targets: compute
    capabilities to compile for; forms that differ little from another one may name (90,) only.
    """

    name: str
    function: Any
    signature: Mapping[str, str]
    constants: Mapping[str, Any]
    warps: int
    aligned: tuple[str, ...] = ()
    demands: tuple[str, ...] = ()
    narrow: int | None = None
    targets: tuple[int, ...] = (80, 90, 100)


def on(x: Tensor) -> contextlib.AbstractContextManager[Any]:
    """Kernels run on the current device: make that the tensor's.

    >>> with on(torch.zeros(1)):
    ...     pass
    """
    return torch.cuda.device(x.device) if x.is_cuda else contextlib.nullcontext()


def bits(x: Tensor) -> Tensor:
    """A bool tensor as bytes 0 and 1, without a copy; others as they are.

    >>> bits(torch.tensor([True, False]))
    tensor([1, 0], dtype=torch.uint8)
    """
    return x.view(torch.uint8) if x.dtype == torch.bool else x


def rows(x: Tensor) -> Tensor:
    """A tensor whose rows lie in one piece; where they do, itself, whatever lies between rows.

    >>> rows(torch.zeros(4, 6)[:, :3]).stride()
    (6, 1)
    >>> rows(torch.zeros(6, 4).T).stride()
    (6, 1)
    """
    return bits(x.detach() if x.shape[-1] < 2 or x.stride(-1) == 1 else x.detach().contiguous())


def target(like: Tensor, dtype: torch.dtype, out: Tensor | None) -> Tensor:
    """The tensor a kernel writes: `out` where its rows lie in one piece, else a new one.

    >>> target(torch.zeros(2, dtype=torch.int64), torch.float32, None).dtype
    torch.float32
    """
    if out is not None and out.dtype == dtype and (out.shape[-1] < 2 or out.stride(-1) == 1):
        return out
    return torch.empty(like.shape, dtype=dtype, device=like.device)
