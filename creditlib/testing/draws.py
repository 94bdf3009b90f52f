"""Where the choices of an example come from: hypothesis, which can shrink them, or plain dice."""

from __future__ import annotations

import functools
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias, TypeVar

from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption

from creditlib.testing.palettes import DRAWN, Palette

__all__ = ["Draws", "Searched", "Tossed", "assume", "reject"]

T = TypeVar("T")
_Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]


def reject() -> NoReturn:
    """This example says nothing: hypothesis draws another one, and so do the dice."""
    raise UnsatisfiedAssumption


def assume(condition: object) -> None:
    """Go on only with an example of which this holds.

    >>> assume(1 + 1 == 2)
    """
    if not condition:
        reject()


class Draws(ABC):
    """The choices that an example may make."""

    @abstractmethod
    def whole(self, low: int, high: int) -> int:
        """A whole number, both ends included."""

    @abstractmethod
    def flag(self) -> bool:
        """Yes or no."""

    @abstractmethod
    def one_of(self, values: Sequence[T]) -> T:
        """One of a few values; the first one is the simplest."""

    @abstractmethod
    def rows(self, size: int, least: int, most: int) -> list[bytes]:
        """Some strings of bytes, each of one size."""

    @abstractmethod
    def palette(self) -> Palette:
        """Three numbers."""

    def raw(self, size: int) -> bytes:
        """One string of bytes."""
        return self.rows(size, 1, 1)[0]


@functools.cache
def _bytes(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


@functools.cache
def _rows(size: int, least: int, most: int) -> st.SearchStrategy[list[bytes]]:
    return st.lists(_bytes(size), min_size=least, max_size=most)


class Searched(Draws):
    """What hypothesis draws: it tries small and odd values first, and shrinks what it finds."""

    def __init__(self, draw: _Draw) -> None:
        self._draw = draw

    def whole(self, low: int, high: int) -> int:
        """As promised."""
        return self._draw(st.integers(low, high))

    def flag(self) -> bool:
        """As promised."""
        return self._draw(st.booleans())

    def one_of(self, values: Sequence[T]) -> T:
        """As promised."""
        return self._draw(st.sampled_from(values))

    def raw(self, size: int) -> bytes:
        """As promised."""
        return self._draw(_bytes(size))

    def rows(self, size: int, least: int, most: int) -> list[bytes]:
        """As promised."""
        return self._draw(_rows(size, least, most))

    def palette(self) -> Palette:
        """As promised."""
        return self._draw(DRAWN)


class Tossed(Draws):
    """Plain dice: several times as many batches in the same time, and nothing is shrunk.

    >>> dice = Tossed(0)
    >>> dice.whole(1, 6) in range(1, 7), len(dice.raw(4))
    (True, 4)
    """

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def whole(self, low: int, high: int) -> int:
        """As promised."""
        return self._dice.randint(low, high)

    def flag(self) -> bool:
        """As promised."""
        return self._dice.random() < 0.5

    def one_of(self, values: Sequence[T]) -> T:
        """As promised."""
        return values[self._dice.randrange(len(values))]

    def rows(self, size: int, least: int, most: int) -> list[bytes]:
        """Half of the batches are of small bytes, and some strings come twice: ties are common."""
        few = self.flag()
        found: list[bytes] = []
        for _ in range(self.whole(least, most)):
            if found and self._dice.random() < 0.2:
                found.append(found[-1])
            elif few:
                found.append(bytes(self._dice.choices(range(4), k=size)))
            else:
                found.append(self._dice.randbytes(size))
        return found

    def palette(self) -> Palette:
        """As promised."""
        a, b, c = (self._dice.uniform(-100, 100) for _ in range(3))
        return (a, b, c)
