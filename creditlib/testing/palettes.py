"""The numbers that rewards are made of: each batch has a few values and picks among them."""

from __future__ import annotations

from typing import TypeAlias

from hypothesis import strategies as st

__all__ = ["DRAWN", "EXACT", "FAMILIES", "Palette", "palette"]

Palette: TypeAlias = tuple[float, ...]

_CONSTANTS = (
    *(0.1, 0.7, 1 / 3, -1.1, 9.7, 100.3, 1e-3, -2.5e4),
    *(0.9, 0.99, 1.3, 7.77, -0.35, 1e6 + 0.1),
)
_NEAR = st.floats(-100, 100, width=32, allow_subnormal=False)
DRAWN: st.SearchStrategy[Palette] = st.tuples(_NEAR, _NEAR, _NEAR)
# A value's byte picks the entry: the first one is what a counterexample shrinks to.
_VALUES: dict[str, Palette] = {
    "two-valued": (0.0, 1.0),
    "dyadic": (0.0, 1.0, 0.5, -1.0, 0.25, 2.0, -0.75, 1.5),
    "tied": (0.0, 0.0, 0.0, 1.0, 0.5),
    "non-dyadic": (0.0, 0.1, 0.7, -0.3, 1 / 3, 1.1, 9.7),
    "offset": (10000.1, 10000.2, 10000.4, 10000.3),
    "constant": _CONSTANTS,
    "drawn": (),
}
FAMILIES = tuple(_VALUES)
# Sums of a few thousand of these are exact in float32, in any order: what differs is no rounding.
EXACT = ("two-valued", "dyadic", "tied")


def palette(family: str, number: int) -> Palette:
    """The values of a family; of "constant" the one with this number; () where they are drawn.

    >>> palette("two-valued", 3), palette("constant", 0)
    ((0.0, 1.0), (0.1,))
    """
    if family == "constant":
        return (_CONSTANTS[number % len(_CONSTANTS)],)
    return _VALUES[family]
