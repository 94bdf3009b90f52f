"""Bytes to batches: a trajectory is one string of bytes, and all its tensors are read off it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from creditlib.annotations import Argument, Shape
from creditlib.testing.values import Reader, shaped

__all__ = ["STRUCTURE", "TURNS", "Frame", "Plan", "build", "plan_of"]

TURNS = 4  # the most turns of a trajectory
TOKENS = 2 + TURNS * 5 + 2  # a lead, turns of up to 3 tokens with gaps of up to 2, a tail
OTHER = {"milestone": 4, "objective": 3}
HEAD = 5 + 2 * TURNS  # group, valid, turns, lead, tail; size and gap of each turn
COUNTS = (1, 2, 0, 3, TURNS)
# What several names say together. Every other name is read by its axes and its range.
STRUCTURE = (
    *("group", "valid", "turn_count", "turn_length", "length"),
    *("turn", "present", "offsets"),
)


@dataclass(frozen=True)
class Plan:
    """Where in a trajectory's bytes the values of each tensor lie, and how many bytes it has."""

    tensors: Mapping[str, Argument]
    start: Mapping[str, int]
    size: int


@dataclass(frozen=True)
class Frame:
    """What a whole batch shares.

    turns, width: how much wider than needed the turn and token axes are. left: the side of the
    padding. level: 0 for credit by trajectory where a tensor may be either, 1 by turn. fill: what
    lies where there is no turn or where nothing was written. per_group: 0 for groups by id, else
    groups of equal size, one after the other.
    """

    dtype: torch.dtype = torch.float32
    palette: Sequence[float] = (0.0, 1.0)
    turns: int = 0
    width: int = 0
    left: bool = False
    packed: bool = False
    level: int = 0
    fill: float = 0.0
    per_group: int = 0


def plan_of(tensors: Mapping[str, Argument]) -> Plan:
    """Read a signature once, for many batches."""
    start: dict[str, int] = {}
    size = HEAD
    for name, tensor in tensors.items():
        start[name] = size
        if name not in STRUCTURE:
            size += max(_extent(shape) for shape in tensor.shapes)
    return Plan(tensors, start, size)


def _extent(shape: Shape) -> int:
    """How many values of a tensor belong to one trajectory."""
    sizes = {"batch": 1, "turn": TURNS, "token": TOKENS}
    result = 1
    for axis, _ in shape.axes:
        result *= sizes.get(axis, _size(axis))
    return result


def _size(axis: str) -> int:
    """How long an axis is that is neither of trajectories nor of turns nor of tokens."""
    return int(axis) if axis.isdigit() else OTHER.get(axis, 4)


@dataclass(frozen=True)
class _Row:
    """A trajectory: its bytes, and the turn of each of its own tokens (-1: not the policy's)."""

    raw: bytes
    valid: bool
    sizes: list[int]
    turn: list[int]


def _groups(rows: Sequence[bytes], per_group: int) -> list[int]:
    """Who belongs together: a trajectory goes with the last one, with any earlier one, or alone.

    Told by the others, so that dropping a trajectory or lowering a byte keeps the rest together.
    """
    if per_group:
        return [number // per_group for number in range(len(rows))]
    groups: list[int] = []
    for number, raw in enumerate(rows):
        how, which = raw[0] % 3, raw[0] // 3
        if not number:
            groups.append(0)
        elif how == 1:
            groups.append(max(groups) + 1)
        else:
            groups.append(groups[which % number if how == 2 else -1])
    return groups


def _row(raw: bytes) -> _Row:
    count = COUNTS[raw[2] % len(COUNTS)]
    sizes = [1 + raw[5 + k] % 3 for k in range(count)]
    turn = [-1] * (raw[3] % 3)
    for k, size in enumerate(sizes):
        turn += [k] * size + [-1] * (raw[5 + TURNS + k] % 3 if k + 1 < count else 0)
    turn += [-1] * (raw[4] % 3)
    return _Row(raw, raw[1] % 4 != 3, sizes, turn)


def build(
    plan: Plan, names: Sequence[str], rows: Sequence[bytes], frame: Frame
) -> dict[str, Tensor]:
    """The tensors of a batch, one trajectory for each string of `plan.size` bytes."""
    read = [_row(raw) for raw in rows]
    turns = max([len(row.sizes) for row in read], default=0) + frame.turns
    # Wider than the turns, so that an axis is told by its size.
    width = max([len(row.turn) for row in read] + [turns + 1]) + frame.width
    builder = _Builder(plan, read, _groups(rows, frame.per_group), turns, width, frame)
    result = {name: builder.tensor(name) for name in names}
    for name in names:
        word = plan.tensors[name].word
        if word is not None and word.part_of in result:
            result[name] = torch.minimum(result[name], result[word.part_of])
    return result


class _Builder:
    """One batch in the making."""

    def __init__(
        self,
        plan: Plan,
        rows: list[_Row],
        groups: list[int],
        turns: int,
        width: int,
        frame: Frame,
    ) -> None:
        self.plan, self.rows, self.groups = plan, rows, groups
        self.turns, self.width, self.frame = turns, width, frame

    def tensor(self, name: str) -> Tensor:
        if name in STRUCTURE:
            return self.structure(name)
        argument = self.plan.tensors[name]
        shape = self.form(argument)
        start = self.plan.start[name]
        axes = [axis for axis, _ in shape.axes]
        read = Reader(
            shape.kind, argument.word, self.frame.palette, self.frame.dtype, self.frame.fill
        )
        if axes == ["batch"]:
            return read.tensor([read(row.raw[start]) for row in self.rows])
        if axes == ["batch", "turn"]:
            return read.tensor([self.by_turn(row, read, start) for row in self.rows], self.turns)
        if axes in (["batch", "token"], ["token"]):
            return self.tokens(
                [self.by_token(row, read, start) for row in self.rows], read.tensor, read.nothing
            )
        inner = [_size(axis) for axis in axes if axis != "batch"]
        each = torch.Size(inner).numel()
        raws = [row.raw for row in self.rows]
        if axes[:1] != ["batch"]:  # the same for all trajectories
            raws = [*raws, bytes(self.plan.size)][:1]
        flat = read.tensor([[read(x) for x in raw[start : start + each]] for raw in raws], each)
        return flat.view(len(raws), *inner) if axes[:1] == ["batch"] else flat.reshape(inner)

    def form(self, argument: Argument) -> Shape:
        """The one of its forms that a tensor takes in this batch."""
        packed = [shape for shape in argument.shapes if shape.axes[-1:] == (("token", 0),)]
        if packed:
            wanted = 1 if self.frame.packed else 2
            return next((shape for shape in packed if len(shape.axes) == wanted), packed[0])
        wanted = 1 + self.frame.level
        return next((s for s in argument.shapes if len(s.axes) == wanted), argument.shapes[0])

    def by_turn(self, row: _Row, read: Reader, start: int) -> list[Any]:
        count = len(row.sizes)
        values = [read(byte) for byte in row.raw[start : start + count]]
        return values + [read.nothing] * (self.turns - count)

    def by_token(self, row: _Row, read: Reader, start: int) -> list[Any]:
        return [
            read(row.raw[start + at]) if turn >= 0 else read.nothing
            for at, turn in enumerate(row.turn)
        ]

    def tokens(self, rows: list[list[Any]], tensor: Any, nothing: Any) -> Tensor:
        """Ragged rows, packed or padded on either side."""
        if self.frame.packed:
            return tensor([value for row in rows for value in row])
        padded = []
        for row in rows:
            margin = [nothing] * (self.width - len(row))
            padded.append(margin + row if self.frame.left else row + margin)
        return tensor(padded, self.width)

    def structure(self, name: str) -> Tensor:
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
        ends = [0]
        for row in rows:
            ends.append(ends[-1] + len(row.turn))
        return torch.tensor(ends, dtype=torch.int64)


def _integers(values: list[Any], width: int | None = None) -> Tensor:
    return shaped(values, width, torch.int64)


def _booleans(values: list[Any], width: int | None = None) -> Tensor:
    return shaped(values, width, torch.bool)
