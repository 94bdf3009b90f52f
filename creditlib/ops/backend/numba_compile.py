"""How loops are compiled: without the GIL, once for all processes where that can be kept."""

# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numba

from creditlib.vocabulary.messages import error_line

__all__ = ["compiled"]


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    """The compiled function; numba keeps it on disk, unless there is no place that it may write to.

    Nothing is compiled before the first call. A compile cache that cannot be read or written costs
    a warning, not the result.

    >>> compiled(lambda x: x + 1)(2)
    3
    """
    try:
        found: Any = numba.njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # no locator available: a read-only installation without a home
        return numba.njit(nogil=True, **options)(function)
    if hasattr(found, "_cache"):  # the plain function under NUMBA_DISABLE_JIT
        found._cache = _Cache(found._cache)
    return found


class _Cache:
    """numba's cache of one function; a full disk or a damaged file does not stop a computation."""

    warned = False

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, *arguments: Any) -> Any:
        """What is kept on disk; None if nothing is, or if it cannot be read."""
        try:
            return self._cache.load_overload(*arguments)
        except Exception as error:  # a damaged file may raise anything
            self._warn("read", error)
            return None

    def save_overload(self, *arguments: Any) -> None:
        """Keep it on disk if that can be done."""
        try:
            self._cache.save_overload(*arguments)
        except Exception as error:
            self._warn("written", error)

    def _warn(self, done: str, error: Exception) -> None:
        if _Cache.warned:
            return
        _Cache.warned = True
        text = (
            f"creditlib computes without numba's compile cache in {self._cache.cache_path}, which "
            f"cannot be {done}: {error_line(error)}. Free the disk or delete that folder."
        )
        warnings.warn(text, RuntimeWarning, stacklevel=4)
