"""Random choices of an example, from hypothesis (which shrinks them) or a random generator."""

from __future__ import annotations

import functools
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias, TypeVar

from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption

from creditlib.testing.generate.reward_values import DRAWN, RewardValues

__all__ = ["ChoiceSource", "HypothesisSource", "RandomSource", "assume", "reject"]

T = TypeVar("T")
_Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]


def reject() -> NoReturn:
    """Discard this example: another one is drawn."""
    raise UnsatisfiedAssumption


def assume(condition: object) -> None:
    """Discard this example unless the condition holds.

    >>> assume(1 + 1 == 2)
    """
    if not condition:
        reject()


class ChoiceSource(ABC):
    """The random choices that an example can make."""

    @abstractmethod
    def integer(self, low: int, high: int) -> int:
        """An integer; both ends are included."""

    @abstractmethod
    def boolean(self) -> bool:
        """True or False."""

    @abstractmethod
    def one_of(self, values: Sequence[T]) -> T:
        """One of a few values; a counterexample shrinks to the first one."""

    @abstractmethod
    def rows(self, size: int, least: int, most: int) -> list[bytes]:
        """Between `least` and `most` byte strings of one size."""

    @abstractmethod
    def reward_values(self) -> RewardValues:
        """Three floats."""

    def row(self, size: int) -> bytes:
        """One byte string."""
        return self.rows(size, 1, 1)[0]


@functools.cache
def _bytes(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


@functools.cache
def _rows(size: int, least: int, most: int) -> st.SearchStrategy[list[bytes]]:
    return st.lists(_bytes(size), min_size=least, max_size=most)


class HypothesisSource(ChoiceSource):
    """Choices of hypothesis: it prefers small and odd values, and shrinks what breaks a law."""

    def __init__(self, draw: _Draw) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def boolean(self) -> bool:
        return self._draw(st.booleans())

    def one_of(self, values: Sequence[T]) -> T:
        return self._draw(st.sampled_from(values))

    def row(self, size: int) -> bytes:
        return self._draw(_bytes(size))

    def rows(self, size: int, least: int, most: int) -> list[bytes]:
        return self._draw(_rows(size, least, most))

    def reward_values(self) -> RewardValues:
        return self._draw(DRAWN)


class RandomSource(ChoiceSource):
    """Choices of a random generator: several times faster than hypothesis; nothing is shrunk.

    >>> source = RandomSource(0)
    >>> source.integer(1, 6) in range(1, 7), len(source.row(4))
    (True, 4)
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def boolean(self) -> bool:
        return self._random.random() < 0.5

    def one_of(self, values: Sequence[T]) -> T:
        return values[self._random.randrange(len(values))]

    def rows(self, size: int, least: int, most: int) -> list[bytes]:
        """Half of the batches have small bytes only, and some rows occur twice: ties are common."""
        small = self.boolean()
        found: list[bytes] = []
        for _ in range(self.integer(least, most)):
            if found and self._random.random() < 0.2:
                found.append(found[-1])
            elif small:
                found.append(bytes(self._random.choices(range(4), k=size)))
            else:
                found.append(self._random.randbytes(size))
        return found

    def reward_values(self) -> RewardValues:
        a, b, c = (self._random.uniform(-100, 100) for _ in range(3))
        return (a, b, c)
