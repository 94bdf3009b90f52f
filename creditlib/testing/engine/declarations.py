"""Laws that a function breaks by design, with the reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from creditlib.testing.subject import Subject
from creditlib.vocabulary.breaks import BrokenLaw, broken_laws_of

__all__ = ["declarations_of", "declared", "holds"]


def declarations_of(function: Callable[..., Any]) -> tuple[BrokenLaw, ...]:
    """What a function declares with `@breaks`."""
    return broken_laws_of(function)


def holds(declaration: BrokenLaw, options: Mapping[str, Any]) -> bool:
    """Whether the laws are broken in a call with these options.

    >>> scaled = BrokenLaw(("a_law",), "it has no unit.", {"scale": (None, "std")})
    >>> holds(scaled, {"scale": None}), holds(scaled, {"scale": "mad"})
    (True, False)
    """
    return all(
        name in options and options[name] in values for name, values in declaration.options.items()
    )


def declared(subject: Subject) -> dict[str, str]:
    """Law -> reason, for the laws that a function breaks with the options of its calls.

    >>> from creditlib.testing.subject import subject_of
    >>> sorted(declared(subject_of("effective_sample_size", {})))
    ['trajectories_may_be_computed_apart']
    """
    options = {**subject.defaults(), **subject.fixed}
    return {
        law: each.because
        for each in declarations_of(subject.function)
        if holds(each, options)
        for law in each.laws
    }
