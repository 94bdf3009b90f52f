"""Where the numbers, bars and texts of a turn lie in a line of a terminal.

The lines are laid out here and not by a table of rich, which takes a millisecond a row: rollout
files have a hundred thousand turns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from creditlib.report.credit_bar import BAR_WIDTH, credit_bar
from creditlib.report.credit_columns import Column, heading
from creditlib.vocabulary.messages import one_line

__all__ = [
    "BOLD",
    "DIM",
    "CreditScale",
    "Layout",
    "Lines",
    "credit_scales",
    "credit_text",
    "least_width",
    "numbers_width",
    "whole_line",
]

BOLD, DIM = Style.parse("bold"), Style.parse("dim")
_POSITIVE, _NEGATIVE = Style.parse("bright_blue"), Style.parse("dark_orange")
_TURN, _REWARD = 5, 7  # characters of the columns "turn" and "reward", with the space behind
_BESIDE, _WITH_BARS = 30, 36  # characters that the texts need to stand beside the numbers

Lines: TypeAlias = "Iterator[Segment | Text]"


@dataclass(frozen=True)
class CreditScale:
    """How the credit of an estimator is printed in every group.

    lines: the heading. width: characters of the widest number. largest: the largest finite
        |credit| of the batch, which fills a bar.
    """

    column: Column
    lines: tuple[str, ...]
    width: int
    largest: float


def credit_text(credit: float) -> str:
    """Credit with its sign and three decimals; 0 is the credit that is exactly 0.

    >>> credit_text(0.70711), credit_text(-0.0001), credit_text(0.0), credit_text(float("nan"))
    ('+0.707', '-0.000', '0', 'nan')
    """
    return f"{credit:+.3f}" if credit and math.isfinite(credit) else f"{credit:.4g}"


def credit_scales(columns: Sequence[Column]) -> list[CreditScale]:
    """A scale for each column with credit, from the whole batch."""
    found: list[CreditScale] = []
    for column in columns:
        credit = column.turn_credit
        if credit is None:
            continue
        known = credit[credit.isfinite()]
        ends = [float(known.min()), float(known.max())] if known.numel() else [0.0]
        lines = tuple(map(one_line, heading(column.name).split("\n")))
        texts = [*lines, *map(credit_text, ends), "+0.000"]
        largest = max(abs(end) for end in ends)
        found.append(CreditScale(column, lines, max(map(cell_len, texts)), largest))
    return found


class Layout:
    """Where the columns of some estimators lie in a line of a width.

    Args:
        scales: the estimators, one for each column.
        width: characters of a line.
        ascii_only: whether the terminal has ASCII only.
        texts: whether observations and actions are shown, beside the numbers or below them.
    """

    def __init__(
        self, scales: Sequence[CreditScale], width: int, ascii_only: bool, texts: bool
    ) -> None:
        self.scales = scales
        self.width = width
        self.ascii_only = ascii_only
        self.texts = texts
        with_bars = width - numbers_width(scales, bars=True)
        plain = width - numbers_width(scales, bars=False)
        self.beside = texts and plain >= _BESIDE
        self.bars = with_bars >= (_WITH_BARS if self.beside else 0)
        room = with_bars if self.bars else plain
        self.action = max(room * 2 // 5 - 1, 8)
        self.observation = room - self.action - 2

    def headings(self) -> Lines:
        """The names of the columns; a long name takes several lines."""
        names = ("observation", "action")
        texts = "".join(
            set_cell_size(name, size) + " "
            for name, size in zip(names, (self.observation, self.action), strict=True)
        )
        deep = max(len(scale.lines) for scale in self.scales)
        for level in range(deep):
            last = level == deep - 1
            left = f"turn {texts if self.beside else ''}reward" if last else ""
            cells = [left.ljust(_TURN + _REWARD + (len(texts) if self.beside else 0))]
            for scale in self.scales:
                lines = ("",) * (deep - len(scale.lines)) + scale.lines
                cells.append(_right(lines[level], scale.width) + " " * (self._bar + 1))
            yield from whole_line("".join(cells).rstrip(), self.width, DIM)

    @property
    def _bar(self) -> int:
        return BAR_WIDTH + 1 if self.bars else 0

    def turn(
        self,
        number: int,
        reward: float,
        credits: Sequence[float],
        texts: tuple[str, str] | None,
    ) -> Lines:
        """A turn: its number, its texts, its reward, and the credit of each estimator."""
        yield Segment(f"{number:>4} ")
        if texts and self.beside:
            seen, done = texts
            yield Segment(_cell(seen, self.observation) + " " + _cell(done, self.action) + " ")
        yield Segment(f"{reward:>6.4g} ")
        for scale, credit in zip(self.scales, credits, strict=True):
            style = _POSITIVE if credit > 0 else _NEGATIVE if credit < 0 else DIM
            text = credit_text(credit).rjust(scale.width)
            if self.bars:
                text += " " + credit_bar(credit, scale.largest, ascii_only=self.ascii_only)
            yield Segment(text + " ", style)
        yield Segment.line()
        if texts and not self.beside:
            for name, text in zip(("saw", "did"), texts, strict=True):
                if text:
                    yield Segment(_cell(f"     {name}: {text}", self.width).rstrip(), DIM)
                    yield Segment.line()


def whole_line(text: str, width: int, style: Style) -> Lines:
    """A line; what is longer than the width goes on in the next one."""
    if cell_len(text) > width:
        yield Text(text, style=style)
        return
    yield Segment(text, style)
    yield Segment.line()


def least_width(scales: Sequence[CreditScale]) -> int:
    """The smallest width, in characters, with bars, and texts beside the numbers."""
    return numbers_width(scales, bars=True) + _WITH_BARS


def numbers_width(scales: Sequence[CreditScale], *, bars: bool) -> int:
    """The characters of the columns of numbers."""
    bar = BAR_WIDTH + 1 if bars else 0
    return _TURN + _REWARD + sum(scale.width + bar + 1 for scale in scales)


def _cell(text: str, width: int) -> str:
    """A text of exactly this many cells of a terminal; what is cut ends in '…'."""
    cells = cell_len(text)
    if cells <= width:
        return text + " " * (width - cells)
    cut = text[: width - 1]
    return (cut if cell_len(cut) == width - 1 else set_cell_size(text, width - 1)) + "…"


def _right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text
