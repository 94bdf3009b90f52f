"""How loops are compiled: without the GIL, once for all processes where that can be kept."""

# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["compiled"]


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    """The compiled function; numba keeps it on disk, unless there is no place that it may write to.

    Nothing is compiled before the first call.

    >>> compiled(lambda x: x + 1)(2)
    3
    """
    try:
        return numba.njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # no locator available: a read-only installation without a home
        return numba.njit(nogil=True, **options)(function)
