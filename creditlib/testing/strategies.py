"""Hypothesis strategies: batches whose tensors agree, for any signature.

A trajectory is drawn as one string of bytes: it shrinks towards one short turn of zeros, and
trajectories drop out one by one.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from hypothesis import strategies as st
from torch import Tensor

from creditlib.testing.building import Frame, Plan, build, plan_of
from creditlib.testing.draws import Draws, Searched, reject
from creditlib.testing.palettes import EXACT, FAMILIES, palette
from creditlib.testing.subject import Subject, subject_of

__all__ = ["EXACT", "FAMILIES", "Source", "batches"]

_Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

_DTYPES = (torch.float32, torch.float64)
_NEVER = ("out",)
_CROWDS = (0,) * 6 + (3, 14, 62)
_WITH_THE_FIRST = b"\2"  # the byte that says: of the first trajectory's group
_EVEN = (2, 3, 4, 5, 1, 7, 8)  # sizes of groups where all are of one
# What a whole batch shares is read off one short string: a draw each would cost more.
_HEAD = 9


class Source:
    """Draws batches for one function; what does not change is worked out once."""

    def __init__(self, subject: Subject) -> None:
        used = {name: x for name, x in subject.tensors.items() if name not in _NEVER}
        self.plan: Plan = plan_of(used)
        self.even = subject.even
        self.dtypes = subject.dtypes

    def names(
        self, bits: int, include: Sequence[str], exclude: Sequence[str], optional: bool
    ) -> list[str]:
        """The tensors of one call: all that are required, some of the others."""
        free = [n for n, x in self.plan.tensors.items() if not x.required and n not in exclude]
        free = [name for name in free if name not in include]
        taken = {name for number, name in enumerate(free) if optional and bits >> number & 1}
        taken |= {name for name in include if name in self.plan.tensors}
        if "offsets" in taken:
            taken.discard("present")  # what is packed has no padding
        return [n for n, x in self.plan.tensors.items() if x.required or n in taken]

    def __call__(
        self,
        draws: Draws,
        *,
        families: Sequence[str] = FAMILIES,
        dtypes: Sequence[torch.dtype] = _DTYPES,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        optional: bool = True,
        least: int = 1,
        most: int = 6,
        crowds: bool = True,
        fill: float = 0.0,
    ) -> dict[str, Tensor]:
        """One batch; see `batches`."""
        head = draws.raw(_HEAD)
        names = self.names(head[0] + 256 * head[1], include, exclude, optional)
        if set(names) & set(exclude):
            reject()  # it cannot be called without
        rows = draws.rows(self.plan.size, least, most)
        kinds = [dtype for dtype in dtypes if dtype in self.dtypes] or dtypes
        size = _EVEN[head[2] % len(_EVEN)] if self.even else 0
        if size and rows:
            rows = rows[: len(rows) // size * size] or rows[:1] + _crowd(rows[0], size - 1)
        elif crowds and rows:
            rows = rows + _crowd(rows[0], _CROWDS[head[2] % len(_CROWDS)])
        frame = Frame(
            dtype=kinds[head[3] % len(kinds)],
            palette=palette(tuple(families)[head[4] % len(families)], head[5]) or draws.palette(),
            turns=head[6] % 3,
            width=head[7] % 3,
            left=bool(head[8] & 1),
            packed="offsets" in names,
            level=head[8] >> 1 & 1,
            fill=fill,
            per_group=size,
        )
        return build(self.plan, names, rows, frame)


def _crowd(row: bytes, size: int) -> list[bytes]:
    """More members for a row's group, each with values of its own; few bytes to shrink."""
    source = random.Random(zlib.crc32(row))
    return [_WITH_THE_FIRST + source.randbytes(len(row) - 1) for _ in range(size)]


@st.composite
def _batches(draw: _Draw, source: Source, more: dict[str, Any]) -> dict[str, Tensor]:
    return source(Searched(draw), **more)


def batches(
    function: str | Callable[..., Any],
    *,
    families: Sequence[str] = FAMILIES,
    dtypes: Sequence[torch.dtype] = _DTYPES,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    optional: bool = True,
    least: int = 1,
    most: int = 6,
    crowds: bool = True,
    fill: float = 0.0,
) -> st.SearchStrategy[dict[str, Tensor]]:
    """Batches for the arguments of `function`, drawn from its signature: `function(**batch)`.

    Trajectories fall into groups of 1 to some 64 members, have 0 to 4 turns of 1 to 3 tokens with
    tool output before, between and after, are padded on either side, or packed where the function
    takes `offsets`. Values lie in the ranges of the vocabulary.

    Options:
        families: what rewards are made of: "two-valued", "dyadic", "tied", "non-dyadic",
            "offset" (10,000 and a little), "constant", "drawn".
        dtypes: of floating point tensors.
        include, exclude: optional tensors that every batch has, or none; `optional=False` leaves
            out all but those included.
        least, most: trajectories, before `crowds` adds up to 62 to a group.
        fill: what lies past the last turn and where the policy wrote nothing.

    >>> from hypothesis import find
    >>> find(batches("grpo"), lambda batch: len(batch["reward"]) > 1)["reward"]
    tensor([0., 0.])
    """
    source = Source(subject_of(function, {}))
    more = {
        "families": families,
        "dtypes": dtypes,
        "include": include,
        "exclude": exclude,
        "optional": optional,
        "least": least,
        "most": most,
        "crowds": crowds,
        "fill": fill,
    }
    return _batches(source, more)
