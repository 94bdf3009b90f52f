"""Draws that depend on the seed and on nothing else."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from unittest import mock

from hypothesis.internal.conjecture import providers

__all__ = ["steady"]


@contextmanager
def steady() -> Generator[None]:
    """Hypothesis draws no constants of the modules that happen to be loaded.

    It would otherwise mix them in, so that an import changed the examples, and would keep what it
    read of the sources in a folder `.hypothesis`. Versions that do not do so are left as they are.

    >>> with steady():
    ...     pass
    """
    with ExitStack() as stack:
        if hasattr(providers.HypothesisProvider, "_local_constants"):
            none, cache = type(providers.GLOBAL_CONSTANTS)(), type(providers.CONSTANTS_CACHE)(1024)
            provider = providers.HypothesisProvider
            stack.enter_context(mock.patch.object(provider, "_local_constants", none))
            stack.enter_context(mock.patch.object(providers, "CONSTANTS_CACHE", cache))
        yield
