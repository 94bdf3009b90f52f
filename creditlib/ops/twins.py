"""Where the twins of a reference are: `gae` of `ops/returns.py` in `ops/returns_numba.py`."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

__all__ = ["INSTALLED", "twin"]

P = ParamSpec("P")
R = TypeVar("R")


# Whether the compilers are there: looked for once, imported when first used.
INSTALLED = {name: importlib.util.find_spec(name) is not None for name in ("numba", "triton")}


@functools.cache
def twin(reference: Callable[P, R], backend: str) -> Callable[P, R]:
    """The function of the same name in `<module>_<backend>.py`, the reference if there is none.

    >>> from creditlib.ops.masks import taken
    >>> twin(taken, "numba") is taken
    True
    """
    name = f"{reference.__module__}_{backend}"
    if importlib.util.find_spec(name) is None:
        return reference
    module: Any = importlib.import_module(name)
    return cast("Callable[P, R]", getattr(module, reference.__name__, reference))
