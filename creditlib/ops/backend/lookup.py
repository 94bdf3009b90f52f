"""Find the implementations of an operation: each backend has a file beside the reference.

The operation `creditlib/ops/groups/` has `reference.py`, `numba_loops.py` and `triton_launch.py`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

__all__ = ["FILES", "implementation_of"]

P = ParamSpec("P")
R = TypeVar("R")

# The file of each backend in the folder of an operation.
FILES = {"numba": "numba_loops", "triton": "triton_launch"}


@functools.cache
def implementation_of(reference: Callable[P, R], backend: str) -> Callable[P, R]:
    """The function of the same name in the file of a backend, or the reference if there is none.

    >>> from creditlib.ops.masks import valid_rows
    >>> implementation_of(valid_rows, "numba") is valid_rows
    True
    """
    package, _, own = reference.__module__.rpartition(".")
    name = f"{package}.{FILES[backend]}"
    if own != "reference" or importlib.util.find_spec(name) is None:
        return reference
    module: Any = importlib.import_module(name)
    return cast("Callable[P, R]", getattr(module, reference.__name__, reference))
