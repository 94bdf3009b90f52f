"""Methods of several steps as one compiled loop, for calls of few rows on a CPU.

Each step of a method is an operation, and on few rows an operation costs more than its arithmetic.
A loop here runs the same steps on the same numbers, without tensors in between. The steps in the
file of the method stay the definition: they run on other devices, on other backends, under
torch.compile, and with options that have no loop. Both give the same bits.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable

from torch import Tensor

from creditlib.ops.backend.dispatch import runs_compiled_loops

__all__ = ["fused_loop"]


def fused_loop(name: str, backend: str, x: Tensor) -> Callable[..., Tensor] | None:
    """The compiled loop of that name, None where a method runs step by step.

    `x` is a tensor of the call.

    >>> import torch
    >>> fused_loop("gigpo", "torch", torch.zeros(1)) is None
    True
    """
    return _loop(name) if runs_compiled_loops(backend, x.device) else None


@functools.cache
def _loop(name: str) -> Callable[..., Tensor] | None:
    try:
        return getattr(importlib.import_module(f"{__name__}.numba_loops"), name)
    except ImportError:  # numba refuses a numpy that is newer than it knows: the steps say so
        return None
