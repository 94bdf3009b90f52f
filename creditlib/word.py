"""What the vocabulary says of a name besides its shape."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["Word"]


@dataclass(frozen=True)
class Word:
    """What a name means and which values it may take: `low`/`high` inclusive, `above` exclusive.

    `unit`: "reward" for what is earned, "prediction" for what somebody expects to be earned; both
    double where every reward doubles. "" for anything else.
    `part_of`: the argument that it never exceeds. `nan`: what a value that
    is not finite says, '' where there must be none. `axis`: an option that is the size of an axis.
    `engine`: an option that chooses who computes, not what is computed.
    """

    meaning: str
    low: float | None = None
    high: float | None = None
    above: float | None = None
    unit: Literal["", "reward", "prediction"] = ""
    part_of: str = ""
    nan: str = ""
    axis: bool = False
    engine: bool = False

    def range(self) -> str:
        """The allowed values as text, '' when there is no limit.

        >>> Word("discount per turn", low=0, high=1).range()
        'in [0, 1]'
        """
        if self.above is not None:
            return f"above {self.above:g}"
        if self.low is not None and self.high is not None:
            return f"in [{self.low:g}, {self.high:g}]"
        if self.low is not None:
            return f"at least {self.low:g}"
        if self.high is not None:
            return f"at most {self.high:g}"
        return ""

    def allows(self, value: float) -> bool:
        """Whether a number is in the range; NaN never is.

        >>> Word("a temperature", above=0).allows(0)
        False
        """
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return low <= value <= high and (self.above is None or value > self.above)
