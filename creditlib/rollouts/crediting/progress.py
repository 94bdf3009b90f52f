"""How far a run is, told to whoever asked for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Progress", "Reporter"]


class Progress(NamedTuple):
    """How far a run is: `stage` is "read", "credit" or "write"; bytes are those of the inputs."""

    stage: str
    rows: int
    groups: int
    bytes: int
    of_bytes: int


class Reporter:
    """Sums up what is done and tells the caller.

    >>> told: list[Progress] = []
    >>> Reporter(told.append, 10).read(3, 5)
    >>> told
    [Progress(stage='read', rows=3, groups=0, bytes=5, of_bytes=10)]
    """

    def __init__(self, tell: Callable[[Progress], None] | None, size: int) -> None:
        self._tell, self._size = tell, size
        self._rows = self._groups = self._bytes = self._written = 0

    def read(self, rows: int, size: int) -> None:
        """Rows and bytes that pass one has read."""
        self._rows, self._bytes = self._rows + rows, self._bytes + size
        self._send("read", self._bytes)

    def credited(self, groups: int) -> None:
        """Groups that pass two has credited."""
        self._groups += groups
        self._send("credit", self._bytes)

    def wrote(self, size: int) -> None:
        """Bytes of an input whose output is written."""
        self._written += size
        self._send("write", self._written)

    def _send(self, stage: str, size: int) -> None:
        if self._tell is not None:
            self._tell(Progress(stage, self._rows, self._groups, size, self._size))
