"""What the process of a part is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Assignment"]


@dataclass(frozen=True)
class Assignment:
    """A part, its device and its seconds, and where rows and lines go.

    `shared` are columns of every row, `page` rows stand on the page of results. Of `workers`
    processes that share the items of the part, this is number `worker`.
    """

    part: str
    device: str
    rows: Path
    log: Path
    seconds: float
    page: bool = False
    shared: tuple[tuple[str, str], ...] = ()
    peers: tuple[tuple[str, Path], ...] = ()
    worker: int = 0
    workers: int = 1
