"""The values that rewards take: each batch has a few values, and every reward is one of them."""

from __future__ import annotations

from typing import TypeAlias

from hypothesis import strategies as st

__all__ = ["DRAWN", "EXACT", "FAMILIES", "RewardValues", "reward_values"]

RewardValues: TypeAlias = tuple[float, ...]

_CONSTANTS = (
    *(0.1, 0.7, 1 / 3, -1.1, 9.7, 100.3, 1e-3, -2.5e4),
    *(0.9, 0.99, 1.3, 7.77, -0.35, 1e6 + 0.1),
)
_NEAR = st.floats(-100, 100, width=32, allow_subnormal=False)
DRAWN: st.SearchStrategy[RewardValues] = st.tuples(_NEAR, _NEAR, _NEAR)
# A byte selects the value: a counterexample shrinks to the first one.
_VALUES: dict[str, RewardValues] = {
    "two-valued": (0.0, 1.0),
    "dyadic": (0.0, 1.0, 0.5, -1.0, 0.25, 2.0, -0.75, 1.5),
    "tied": (0.0, 0.0, 0.0, 1.0, 0.5),
    "non-dyadic": (0.0, 0.1, 0.7, -0.3, 1 / 3, 1.1, 9.7),
    "offset": (10000.1, 10000.2, 10000.4, 10000.3),
    "constant": _CONSTANTS,
    "drawn": (),
}
FAMILIES = tuple(_VALUES)
# float32 adds a few thousand of these exactly in any order, so no difference is due to rounding.
EXACT = ("two-valued", "dyadic", "tied")


def reward_values(family: str, number: int) -> RewardValues:
    """The values of a family; "constant" has one value, selected by `number`; "drawn" has none.

    >>> reward_values("two-valued", 3), reward_values("constant", 0)
    ((0.0, 1.0), (0.1,))
    """
    if family == "constant":
        return (_CONSTANTS[number % len(_CONSTANTS)],)
    return _VALUES[family]
