"""Laws that a method breaks by design: data beside the function, each with the reason."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

__all__ = ["BrokenLaw", "breaks", "broken_laws_of"]

F = TypeVar("F", bound=Callable[..., Any])
_ATTRIBUTE = "broken_laws"


@dataclass(frozen=True)
class BrokenLaw:
    """Laws that a function breaks, why, and with which values of which options (always if none)."""

    laws: tuple[str, ...]
    because: str
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        """The declaration as it stands in `help()`."""
        names = ", ".join(self.laws)
        choices = ", ".join(
            f"{name}={' or '.join(map(repr, values))}" for name, values in self.options.items()
        )
        return f"{names}{f' ({choices})' if choices else ''}: {self.because}"


def breaks(*laws: str, because: str, **options: Any) -> Callable[[F], F]:
    """Declare laws that a function breaks by design; the laws are then not put to it.

    `because` is the reason, one sentence. Any other keyword is an option of the function: the laws
    are broken only with that value, or with each value of a tuple. The decorator may be repeated;
    below `checked` its declarations become part of `help()`.

    >>> @breaks("credit_sums_to_zero", because="only the best is paid.", scale=("std", None))
    ... def best(*, reward, group, scale="std"): ...
    >>> [str(broken) for broken in broken_laws_of(best)]
    ["credit_sums_to_zero (scale='std' or None): only the best is paid."]
    """
    values = {name: x if isinstance(x, tuple) else (x,) for name, x in options.items()}
    broken = BrokenLaw(laws, because, cast("Mapping[str, tuple[Any, ...]]", values))

    def declare(function: F) -> F:
        found = getattr(function, _ATTRIBUTE, ())
        setattr(function, _ATTRIBUTE, (broken, *found))
        return function

    return declare


def broken_laws_of(function: Callable[..., Any]) -> tuple[BrokenLaw, ...]:
    """The declarations of a function, through wrappers and partials; () without any.

    >>> broken_laws_of(len)
    ()
    """
    while True:
        found = getattr(function, _ATTRIBUTE, None)
        if found is not None:
            return found
        if isinstance(function, functools.partial):
            function = cast("Callable[..., Any]", function.func)
            continue
        inner = inspect.unwrap(function)
        if inner is function:
            return ()
        function = inner
