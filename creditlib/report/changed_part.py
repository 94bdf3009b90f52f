"""The part of an observation that is new: rows of a table differ where their texts differ."""

from __future__ import annotations

from collections.abc import Sequence

from creditlib.vocabulary.messages import one_line

__all__ = ["changed_part", "common_beginning", "shortened"]

_LEAST = 8  # a common part of fewer characters stays: it costs less than its mark says


def changed_part(text: str, previous: str) -> str:
    r"""What a text says beyond the text before it: the common beginning and end become '…'.

    Whole words are kept. A common part of fewer than 8 characters is kept too. Equal texts give
    '(unchanged)'. Where words are only missing, they stand behind '(removed)'.

    >>> before = "You are in a kitchen. The door is closed. You carry nothing."
    >>> changed_part("You are in a kitchen. The door is open. You carry nothing.", before)
    '… open. …'
    >>> changed_part("You are in a hall.", "A cellar."), changed_part("a", "a")
    ('You are in a hall.', '(unchanged)')
    >>> changed_part("You are in a kitchen. You carry nothing.", before)
    '(removed) The door is closed.'
    """
    if not previous:
        return text
    if text == previous:
        return "(unchanged)"
    head = _word_start(text, previous, _common(text, previous))
    head = head if head >= _LEAST else 0
    least = min(len(text), len(previous)) - head
    tail = _common(text[head:][::-1], previous[head:][::-1], least)
    tail = _word_start(text[::-1], previous[::-1], tail)
    tail = tail if tail >= _LEAST else 0
    middle = text[head : len(text) - tail].strip()
    if not middle:
        return f"(removed) {previous[head : len(previous) - tail].strip()}"
    return f"{'… ' if head else ''}{middle}{' …' if tail else ''}"


def common_beginning(texts: Sequence[str]) -> int:
    """How many characters all texts begin with, whole words only; 0 where they are all equal.

    >>> common_beginning(["You see a door.", "You see a wall.", "You see nothing."])
    8
    >>> common_beginning(["You see a door.", "You see a door."])
    0
    """
    if not texts or min(texts) == max(texts):
        return 0
    least, most = min(texts), max(texts)  # what these two share, all of them share
    start = _word_start(least, most, _common(least, most))
    return start if start >= _LEAST else 0


def shortened(text: str, width: int) -> str:
    r"""One line of at most `width` printable characters.

    A policy may write any text, and its escape codes must not reach the terminal.

    >>> shortened("no\x1b[2J\n luck", 20), shortened("a long text", 7)
    ('no [2J luck', 'a long…')
    """
    # Four times the width, because line breaks and runs of spaces go.
    line = " ".join(text[: 4 * width].split())
    if not line.isprintable():
        line = one_line(line)
    return line if len(line) <= width and len(text) <= 4 * width else line[: width - 1] + "…"


def _common(a: str, b: str, most: int | None = None) -> int:
    """How many characters two texts begin with, by bisection: slices compare fast."""
    low, high = 0, min(len(a), len(b)) if most is None else most
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _word_start(a: str, b: str, common: int) -> int:
    """The common length without the word that one of the texts continues or ends differently."""
    if all(common == len(text) or text[common].isspace() for text in (a, b)):
        return common
    while common and not a[common - 1].isspace():
        common -= 1
    return common
