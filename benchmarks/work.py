"""One row of the grid: an operation on one input, and everybody who does it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "Batch",
    "Contestant",
    "Offer",
    "Offered",
    "Peer",
    "Plan",
    "Work",
    "forced",
    "on_threads",
    "outputs",
]

# The tensors and labels of one input, by name; every peer's adapter translates from these.
Batch = Mapping[str, Any]


def outputs(result: Any) -> tuple[Tensor, ...]:
    """A result as a tuple of tensors."""
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


@dataclass(frozen=True)
class Offered:
    """A peer's unmodified function on a translated input, and how its result is compared.

    `slow` says how slow, where a call takes so long that it only runs if asked for (--slow).
    """

    call: Callable[[], Any]
    view: Callable[[Any], tuple[Tensor, ...]] = outputs
    note: str = ""
    slow: str = ""


# None: this peer cannot do that input (holes in the mask, another device).
Offer = Callable[[Batch], Offered | None]


@dataclass(frozen=True)
class Peer:
    """Somebody else's code, as found here. `offers`: operation -> (label, offer) pairs."""

    name: str
    version: str
    found: str
    offers: Mapping[str, Sequence[tuple[str, Offer]]]


@dataclass(frozen=True)
class Contestant:
    """Who is timed. `side` is "ours", "reference" or "peer"; "" of `backend` leaves it alone."""

    name: str
    side: str
    call: Callable[[], Any]
    view: Callable[[Any], tuple[Tensor, ...]] = outputs
    backend: str = ""
    version: str = ""
    note: str = ""


@dataclass(frozen=True)
class Work:
    """An operation on an input that exists: our calls, and what must be read and written."""

    batch: Batch
    ours: Callable[[], Any]
    inputs: tuple[Tensor, ...]
    into: Callable[[], Any] | None = None  # the same with `out=`
    token_bytes: int = 0  # one float32 tensor of this shape: the unit of memory
    before: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext  # off the clock


@dataclass(frozen=True)
class Plan:
    """A row of the grid before its input is made."""

    op: str
    shape: str
    variant: str
    why: str
    build: Callable[[str], Work] = field(repr=False)
    x: float = 0.0  # the size along `axis`, for the scaling series
    axis: str = ""
    quick: bool = False  # part of --quick
    threads: int = 0  # for everybody in this row; 0: those of the run

    @property
    def key(self) -> str:
        """What --only is matched against, and what a row is found by.

        >>> Plan("gae", "64x512", "holes", "", build=None).key
        'gae 64x512 holes'
        """
        return " ".join(part for part in (self.op, self.shape, self.variant) if part)


@contextlib.contextmanager
def on_threads(count: int) -> Generator[None]:
    """Within it torch has so many threads; 0 leaves it those it has."""
    usual = torch.get_num_threads()
    if count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


@contextlib.contextmanager
def forced(backend: str) -> Generator[None]:
    """Within it backend="auto" means this one; "" and "auto" leave the choice to the library."""
    if backend in ("", "auto"):
        yield
        return
    from creditlib.ops.backend import dispatch  # here: `--base` also runs commits that have none

    def chosen(device: object) -> str:
        return backend

    usual = dispatch.default_backend
    dispatch.default_backend = chosen
    try:
        yield
    finally:
        dispatch.default_backend = usual
