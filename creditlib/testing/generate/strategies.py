"""Hypothesis strategies: consistent batches for any signature.

A trajectory is drawn as one byte string. It shrinks towards one short turn of zeros, and
trajectories are removed one by one.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from hypothesis import strategies as st
from torch import Tensor

from creditlib.testing.generate.batch_builder import BatchConfig, ByteLayout, build, byte_layout
from creditlib.testing.generate.choices import ChoiceSource, HypothesisSource, reject
from creditlib.testing.generate.reward_values import EXACT, FAMILIES, reward_values
from creditlib.testing.subject import Subject, subject_of
from creditlib.vocabulary.messages import check_choice

__all__ = ["EXACT", "FAMILIES", "BatchSource", "batches"]

_Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

_DTYPES = (torch.float32, torch.float64)
_NEVER_DRAWN = ("out",)
_CROWDS = (0,) * 6 + (3, 14, 62)
_JOIN_THE_FIRST = b"\2"  # the byte that puts a trajectory into the first one's group
_GROUP_SIZES = (2, 3, 4, 5, 1, 7, 8)  # where all groups have one size
# One short byte string holds what all trajectories share: separate draws would cost more.
_HEAD = 9


class BatchSource:
    """Draws batches for one function; the signature is read once."""

    def __init__(self, subject: Subject) -> None:
        used = {name: x for name, x in subject.tensors.items() if name not in _NEVER_DRAWN}
        self.layout: ByteLayout = byte_layout(used)
        self.equal_groups = subject.equal_groups
        self.dtypes = subject.dtypes

    def names(
        self, bits: int, include: Sequence[str], exclude: Sequence[str], optional: bool
    ) -> list[str]:
        """The tensors of one call: all required ones and some optional ones."""
        free = [n for n, x in self.layout.tensors.items() if not x.required and n not in exclude]
        free = [name for name in free if name not in include]
        taken = {name for number, name in enumerate(free) if optional and bits >> number & 1}
        taken |= {name for name in include if name in self.layout.tensors}
        if "offsets" in taken:
            taken.discard("present")  # packed rows have no padding
        return [n for n, x in self.layout.tensors.items() if x.required or n in taken]

    def __call__(
        self,
        draws: ChoiceSource,
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
        head = draws.row(_HEAD)
        names = self.names(head[0] + 256 * head[1], include, exclude, optional)
        if set(names) & set(exclude):
            reject()  # the function requires an excluded tensor
        rows = draws.rows(self.layout.size, least, most)
        kinds = [dtype for dtype in dtypes if dtype in self.dtypes] or dtypes
        size = _GROUP_SIZES[head[2] % len(_GROUP_SIZES)] if self.equal_groups else 0
        if size and rows:
            rows = rows[: len(rows) // size * size] or rows[:1] + _crowd(rows[0], size - 1)
        elif crowds and rows:
            rows = rows + _crowd(rows[0], _CROWDS[head[2] % len(_CROWDS)])
        family = tuple(families)[head[4] % len(families)]
        config = BatchConfig(
            dtype=kinds[head[3] % len(kinds)],
            values=reward_values(family, head[5]) or draws.reward_values(),
            extra_turns=head[6] % 3,
            extra_tokens=head[7] % 3,
            pad_left=bool(head[8] & 1),
            packed="offsets" in names,
            level=head[8] >> 1 & 1,
            fill=fill,
            group_size=size,
        )
        return build(self.layout, names, rows, config)


def _crowd(row: bytes, size: int) -> list[bytes]:
    """More members for a row's group, each with its own values; they add no bytes to shrink."""
    source = random.Random(zlib.crc32(row))
    return [_JOIN_THE_FIRST + source.randbytes(len(row) - 1) for _ in range(size)]


@st.composite
def _batches(draw: _Draw, source: BatchSource, more: dict[str, Any]) -> dict[str, Tensor]:
    return source(HypothesisSource(draw), **more)


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
    """A strategy of batches for `function`, drawn from its signature: call `function(**batch)`.

    A group has 1 to 68 members. A trajectory has 0 to 4 turns of 1 to 3 tokens; tool output lies
    before, between and after the turns. Rows are padded on either side, or packed if the function
    takes `offsets`. Values lie in the ranges of the vocabulary.

    Args:
        function: a function with annotated tensors, a name, or an import path.
        families: the kinds of rewards: "two-valued", "dyadic", "tied", "non-dyadic",
            "offset" (10,000 plus a fraction), "constant", "drawn".
        dtypes: the dtypes of floating point tensors.
        include: optional tensors that every batch has.
        exclude: optional tensors that no batch has.
        optional: False leaves out every optional tensor that is not included.
        least: the smallest number of trajectories.
        most: the largest number of trajectories, before `crowds` adds up to 62 to one group.
        crowds: whether some groups are large.
        fill: the value of floats in padding and in tokens that the policy did not write.

    >>> from hypothesis import find
    >>> find(batches("grpo"), lambda batch: len(batch["reward"]) > 1)["reward"]
    tensor([0., 0.])
    """
    subject = subject_of(function, {})
    for name in families:
        check_choice("batches", "families", name, FAMILIES)
    for argument, names in {"include": include, "exclude": exclude}.items():
        for name in names:
            check_choice("batches", argument, name, tuple(subject.tensors))
    source = BatchSource(subject)
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
