"""Small pictures of numbers for a terminal: a bar of credit, and a line of bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["BAR_WIDTH", "credit_bar", "spark_line"]

_CELLS = 3  # on each side of zero
BAR_WIDTH = 2 * _CELLS + 1
_LEVELS = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS = "_.:-=+*#"


def credit_bar(value: float, largest: float, *, ascii_only: bool = False) -> str:
    """A bar from zero in the middle: negative credit to the left, positive to the right.

    Half a character is the least step, and any credit but 0 is seen.

    Args:
        value: the credit of a turn.
        largest: the |credit| that fills a side.
        ascii_only: draw with `#` and `|`, whole characters only.

    >>> credit_bar(1.0, 1.0), credit_bar(-0.5, 1.0), credit_bar(0.001, 1.0), credit_bar(0.0, 1.0)
    ('   │███', ' ▐█│   ', '   │▌  ', '   │   ')
    >>> credit_bar(-1.0, 1.0, ascii_only=True)
    '###|   '
    """
    share = abs(value) / largest if largest else 0.0
    known = math.isfinite(share)
    halves = min(2 * _CELLS, max(round(2 * _CELLS * share), 1)) if known and share else 0
    if ascii_only:
        side, half = "#" * ((halves + 1) // 2), ""
    else:
        side = "█" * (halves // 2)
        half = ("▐" if value < 0 else "▌") if halves % 2 else ""
    axis = "|" if ascii_only else "│"
    if value < 0:
        return f"{half}{side}".rjust(_CELLS) + axis + " " * _CELLS
    return " " * _CELLS + axis + f"{side}{half}".ljust(_CELLS)


def spark_line(values: Sequence[float | None], width: int, *, ascii_only: bool = False) -> str:
    """A line of bars, at most `width`: equal numbers of values share one, which is their mean.

    The largest bar is full. None has no bar. All values 0 are the lowest bars.

    Args:
        values: at least 0 each.
        width: characters of the line.
        ascii_only: draw with `_.:-=+*#`.

    >>> spark_line([0.0, 0.5, 1.0, None], 4), spark_line([1.0, 0.0, 0.0, 1.0], 2)
    ('▁▅█ ', '██')
    >>> spark_line([0.0, 0.5, 1.0], 3, ascii_only=True)
    '_=#'
    """
    levels = _ASCII_LEVELS if ascii_only else _LEVELS
    bars = min(width, len(values))
    edges = [round(len(values) * bar / bars) for bar in range(bars + 1)] if bars else []
    means = [_mean(values[start:stop]) for start, stop in pairwise(edges)]
    largest = max((mean for mean in means if mean is not None), default=0.0) or 1.0
    top = len(levels) - 1
    return "".join(" " if mean is None else levels[round(top * mean / largest)] for mean in means)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if known else None
