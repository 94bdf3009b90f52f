"""How long a session and its parts may take; clocks are handed in, so tests need none."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TypeVar

__all__ = ["Clock", "Limit", "allotment"]

Clock = Callable[[], float]
T = TypeVar("T")


def allotment(left: float, shares: Sequence[float]) -> float:
    """Seconds for the first of the parts that remain, of the seconds that are left.

    A part that ends early leaves its time to all later ones, and none can take it from them.

    >>> allotment(480, [1, 2, 1])  # a quarter
    120.0
    >>> allotment(460, [2, 1])  # the first took 20 seconds: two thirds of 460
    306.6666666666667
    """
    return max(0.0, left) * shares[0] / sum(shares)


class Limit:
    """A number of seconds that begin now."""

    def __init__(self, seconds: float, clock: Clock = time.monotonic) -> None:
        self.seconds, self._clock, self._start = seconds, clock, clock()

    def spent(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._start

    def left(self) -> float:
        """Seconds until the end, never below 0."""
        return max(0.0, self.seconds - self.spent())

    def while_left(
        self, items: Iterable[T], left_out: Callable[[int], None]
    ) -> Generator[T, None, None]:
        """Items until the time is over; then `left_out` hears how many were not reached."""
        waiting = list(items)
        for place, item in enumerate(waiting):
            if not self.left():
                left_out(len(waiting) - place)
                return
            yield item
