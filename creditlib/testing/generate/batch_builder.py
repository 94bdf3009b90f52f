"""Build a batch from bytes: one byte string holds all tensors of a trajectory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from creditlib.testing.generate.byte_rows import HEAD, TURNS, Row, branches_of, groups_of, row_of
from creditlib.testing.generate.decode import ValueDecoder, shaped
from creditlib.vocabulary.annotations import Argument, Shape

__all__ = [
    "STRUCTURE",
    "BatchBuilder",
    "BatchConfig",
    "ByteLayout",
    "build",
    "byte_layout",
]

TOKENS = 2 + TURNS * 5 + 2  # a lead, turns of up to 3 tokens with gaps of up to 2, a tail
# The sizes of other axes; `timescale` has as many as the discounts that are the default.
OTHER = {
    "milestone": 4,
    "objective": 3,
    "scope": 2,
    "edge": 3,
    "criterion": 2,
    "feature": 3,
    "sample": 3,
    "call": 4,
    "target": 3,
    "timescale": 4,
}
# Tensors that must agree with each other. Any other tensor is decoded by its axes and its range.
STRUCTURE = (
    *("group", "valid", "turn_count", "turn_length", "length"),
    *("turn", "present", "offsets"),
    *("rollout", "branch_of", "branch_at", "call_count", "target_count"),
)


@dataclass(frozen=True)
class ByteLayout:
    """The first byte of each tensor in a trajectory's bytes, and the number of bytes."""

    tensors: Mapping[str, Argument]
    start: Mapping[str, int]
    size: int


@dataclass(frozen=True)
class BatchConfig:
    """What all trajectories of a batch share.

    values: what rewards are drawn from. extra_turns, extra_tokens: columns beyond those needed.
    pad_left: padding lies on the left. level: 0 for trajectory level and 1 for turn level, where a
    tensor allows both. fill: the value of floats in padding and in tokens that the policy did not
    write. group_size: 0 for groups by id, else groups of equal size, one after the other.
    """

    dtype: torch.dtype = torch.float32
    values: Sequence[float] = (0.0, 1.0)
    extra_turns: int = 0
    extra_tokens: int = 0
    pad_left: bool = False
    packed: bool = False
    level: int = 0
    fill: float = 0.0
    group_size: int = 0


def byte_layout(tensors: Mapping[str, Argument]) -> ByteLayout:
    """The layout of a signature, read once for many batches."""
    start: dict[str, int] = {}
    size = HEAD
    for name, tensor in tensors.items():
        start[name] = size
        if name not in STRUCTURE:
            size += max(_extent(shape) for shape in tensor.shapes)
    return ByteLayout(tensors, start, size)


def _extent(shape: Shape) -> int:
    """The number of values of a tensor that belong to one trajectory."""
    sizes = {"batch": 1, "turn": TURNS, "token": TOKENS}
    result = 1
    for axis, extra in shape.axes:
        result *= sizes.get(axis, _size(axis)) + extra
    return result


def _size(axis: str) -> int:
    """The size of an axis that is neither batch nor turn nor token."""
    return int(axis) if axis.isdigit() else OTHER.get(axis, 4)


def build(
    layout: ByteLayout, names: Sequence[str], rows: Sequence[bytes], config: BatchConfig
) -> dict[str, Tensor]:
    """The tensors of a batch, one trajectory for each string of `layout.size` bytes."""
    found = [row_of(raw) for raw in rows]
    turns = max([len(row.sizes) for row in found], default=0) + config.extra_turns
    # There are more tokens than turns, so that the size of an axis identifies it.
    width = max([len(row.turn) for row in found] + [turns + 1]) + config.extra_tokens
    builder = BatchBuilder(layout, found, groups_of(rows, config.group_size), turns, width, config)
    result = {name: builder.tensor(name) for name in names}
    for name in names:
        spec = layout.tensors[name].spec
        if spec is not None and spec.part_of in result:
            result[name] = torch.minimum(result[name], result[spec.part_of])
    return result


class BatchBuilder:
    """Builds the tensors of one batch."""

    def __init__(
        self,
        layout: ByteLayout,
        rows: list[Row],
        groups: list[int],
        turns: int,
        width: int,
        config: BatchConfig,
    ) -> None:
        self.layout, self.rows, self.groups = layout, rows, groups
        self.turns, self.width, self.config = turns, width, config

    def tensor(self, name: str) -> Tensor:
        """A tensor by its name."""
        if name in STRUCTURE:
            return self.structure(name)
        argument = self.layout.tensors[name]
        shape = self.shape_of(argument)
        start = self.layout.start[name]
        axes = [axis for axis, _ in shape.axes]
        config = self.config
        decode = ValueDecoder(shape.kind, argument.spec, config.values, config.dtype, config.fill)
        if axes == ["batch"]:
            return decode.tensor([decode(row.raw[start]) for row in self.rows])
        if axes == ["batch", "turn"]:
            return decode.tensor(
                [self.by_turn(row, decode, start) for row in self.rows], self.turns
            )
        if axes in (["batch", "token"], ["token"]):
            return self.tokens(
                [self.by_token(row, decode, start) for row in self.rows], decode.tensor, decode.fill
            )
        if axes[:2] == ["batch", "turn"] or "token" in axes[:2]:
            return self.columns(axes, decode, start)
        if axes[:1] == ["batch"] and axes[2:] == ["turn"]:
            return self.by_turn_last(name, decode, start, _size(axes[1]), shape.axes[2][1])
        inner = [_size(axis) for axis in axes if axis != "batch"]
        each = torch.Size(inner).numel()
        raws = [row.raw for row in self.rows]
        if axes[:1] != ["batch"]:  # all trajectories share the tensor
            raws = [*raws, bytes(self.layout.size)][:1]
        flat = decode.tensor([[decode(x) for x in raw[start : start + each]] for raw in raws], each)
        return flat.view(len(raws), *inner) if axes[:1] == ["batch"] else flat.reshape(inner)

    def shape_of(self, argument: Argument) -> Shape:
        """The one of a tensor's shapes that this batch uses."""
        packed = [shape for shape in argument.shapes if shape.axes[-1:] == (("token", 0),)]
        if packed:
            wanted = 1 if self.config.packed else 2
            return next((shape for shape in packed if len(shape.axes) == wanted), packed[0])
        wanted = 1 + self.config.level
        return next((s for s in argument.shapes if len(s.axes) == wanted), argument.shapes[0])

    def by_turn(self, row: Row, decode: ValueDecoder, start: int) -> list[Any]:
        """One value for each turn, then padding."""
        count = len(row.sizes)
        values = [decode(byte) for byte in row.raw[start : start + count]]
        return values + [decode.fill] * (self.turns - count)

    def by_token(self, row: Row, decode: ValueDecoder, start: int) -> list[Any]:
        """One value for each token; tool output has the fill value."""
        return [
            decode(row.raw[start + at]) if turn >= 0 else decode.fill
            for at, turn in enumerate(row.turn)
        ]

    def columns(self, axes: list[str], decode: ValueDecoder, start: int) -> Tensor:
        """One tensor by turn or token for each place on the last axis."""
        of_turns = axes[:2] == ["batch", "turn"]
        block = TURNS if of_turns else TOKENS
        found: list[Tensor] = []
        for place in range(_size(axes[-1])):
            at = start + place * block
            if of_turns:
                rows = [self.by_turn(row, decode, at) for row in self.rows]
                found.append(decode.tensor(rows, self.turns))
            else:
                rows = [self.by_token(row, decode, at) for row in self.rows]
                found.append(self.tokens(rows, decode.tensor, decode.fill))
        return torch.stack(found, -1)

    def by_turn_last(
        self, name: str, decode: ValueDecoder, start: int, places: int, extra: int
    ) -> Tensor:
        """A tensor whose last axis is that of turns, with `extra` more of them; then padding.

        `join_order` is a permutation of the turns that exist: in the order of their bytes.
        """
        found: list[list[list[Any]]] = []
        width = self.turns + extra
        for row in self.rows:
            own: list[list[Any]] = []
            for place in range(places):
                at, count = start + place * (TURNS + extra), len(row.sizes) + extra
                raw = row.raw[at : at + count]
                if name == "join_order":
                    values, fill = sorted(range(count), key=raw.__getitem__), -1
                else:
                    values, fill = [decode(byte) for byte in raw], decode.fill
                own.append([*values, *[fill] * (width - count)])
            found.append(own)
        return torch.tensor(found, dtype=decode.dtype).view(len(self.rows), places, width)

    def tokens(self, rows: list[list[Any]], tensor: Any, fill: Any) -> Tensor:
        """Ragged rows, packed or padded."""
        if self.config.packed:
            return tensor([value for row in rows for value in row])
        padded = []
        for row in rows:
            margin = [fill] * (self.width - len(row))
            padded.append(margin + row if self.config.pad_left else row + margin)
        return tensor(padded, self.width)

    def structure(self, name: str) -> Tensor:
        """A tensor that must agree with the other ones."""
        rows = self.rows
        if name == "group":
            return torch.tensor(self.groups, dtype=torch.int64)
        if name == "valid":
            return torch.tensor([row.valid for row in rows], dtype=torch.bool)
        if name == "turn_count":
            return torch.tensor([len(row.sizes) for row in rows], dtype=torch.int64)
        if name == "length":
            return torch.tensor([sum(row.sizes) for row in rows], dtype=torch.int64)
        if name == "turn_length":
            sizes = [row.sizes + [0] * (self.turns - len(row.sizes)) for row in rows]
            return _integers(sizes, self.turns)
        if name == "turn":
            return self.tokens([row.turn for row in rows], _integers, -1)
        if name == "present":
            own = [[True] * len(row.turn) for row in rows]
            return self.tokens(own, _booleans, False)
        if name in ("rollout", "branch_of", "branch_at"):
            return _integers(branches_of(rows, self.groups)[name])
        if name in ("call_count", "target_count"):
            most, byte = OTHER[name.removesuffix("_count")], 3 + (name == "target_count")
            return _integers([row.raw[byte] // 3 % (most + 1) for row in rows])
        ends = [0]
        for row in rows:
            ends.append(ends[-1] + len(row.turn))
        return torch.tensor(ends, dtype=torch.int64)


def _integers(values: list[Any], width: int | None = None) -> Tensor:
    return shaped(values, width, torch.int64)


def _booleans(values: list[Any], width: int | None = None) -> Tensor:
    return shaped(values, width, torch.bool)
