"""The meaning of an annotation, besides its shape."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["ArgumentSpec", "Kind"]

Kind: TypeAlias = Literal["", "advantage", "returns", "factor", "reward", "statistic"]


@dataclass(frozen=True)
class ArgumentSpec:
    """The meaning of an argument, an option or a result, and the values that it may take.

    `low` and `high` are inclusive, `above` is exclusive. `unit` is "reward" for what a policy earns
    and "prediction" for an estimate of it: both double where every reward doubles. `measured_in` is
    any other unit, such as "seconds". `part_of` names the argument that this one never exceeds.
    `nan` is the meaning of a value that is not finite, "" where every value is finite. `hint` says
    how to make the argument; a refusal ends with it. `axis` is the axis whose size an option is.
    `engine` marks an option that chooses the backend and not the result. `ambiguous` marks a name
    that means different things in different functions.

    A result has a `kind`. "advantage" is credit, "returns" and "reward" are what estimators start
    from, "factor" multiplies credit, "statistic" is a number about the batch. `turn_sensitive` is
    False for credit of tokens that does not depend on where a turn ends. `over_tokens` is True for
    a result that is normalized over all tokens of the batch.
    """

    meaning: str
    low: float | None = None
    high: float | None = None
    above: float | None = None
    unit: Literal["", "reward", "prediction"] = ""
    measured_in: str = ""
    part_of: str = ""
    nan: str = ""
    hint: str = ""
    axis: str = ""
    engine: bool = False
    ambiguous: bool = False
    kind: Kind = ""
    turn_sensitive: bool = True
    over_tokens: bool = False

    def range(self) -> str:
        """The allowed values as text, '' when there is no limit.

        >>> ArgumentSpec("discount per turn", low=0, high=1).range()
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

    def unit_shown(self) -> str:
        """The unit as text, '' without one; an estimate of a reward has that of the reward.

        >>> ArgumentSpec("time of a turn", measured_in="seconds").unit_shown()
        'seconds'
        """
        return self.measured_in or ("reward" if self.unit else "")

    def allows(self, value: float) -> bool:
        """Whether a number is in the range; NaN never is.

        >>> ArgumentSpec("a temperature", above=0).allows(0)
        False
        """
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return low <= value <= high and (self.above is None or value > self.above)
