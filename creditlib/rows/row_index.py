"""For each row of a trainer's batch: its trajectory, its first turn, and whether it is a copy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["RowIndex", "Trajectory", "index_rows", "index_trajectories", "trajectories_of_rows"]


class RowIndex(NamedTuple):
    """Which trajectory and which turns each row holds. All tensors are on the CPU.

    Only trajectories that take part are numbered, in order of appearance.

    trajectory: int[row], -1 for a row that takes no part. base: int[row], the number of the row's
    first turn in its trajectory. original: bool[row], true for a row that takes part and is not a
    copy. first, last: int[batch], the first and the last row of the trajectory. size: int[row],
    the number of turns of the row. turn_count: int[batch]. turns: the largest turn count.
    """

    trajectory: Tensor
    base: Tensor
    original: Tensor
    first: Tensor
    last: Tensor
    size: Tensor
    turn_count: Tensor
    turns: int

    @property
    def every_row_is_one(self) -> bool:
        """Whether every row is a trajectory of its own that takes part."""
        return len(self.first) == len(self.trajectory)


class Trajectory(NamedTuple):
    """The rows of one trajectory by their steps.

    steps: a list for each step that keeps a row, with that row and its copies, in the order of the
    steps. left_out: the first row of each other step, all of whose rows `keep` left out. order: the
    first rows of all steps, kept or left out, in the order of the steps. out_copies: pairs of a row
    and a row that `keep` left out with the same step.
    """

    steps: list[list[int]]
    left_out: list[int]
    order: list[int]
    out_copies: list[tuple[int, int]]

    def has_any(self, flags: Sequence[bool]) -> bool:
        """Whether the flag of any kept row is set."""
        return any(flags[row] for same in self.steps for row in same)


def trajectories_of_rows(
    trajectory: Sequence[Hashable], step: Sequence[int] | None, keep: Sequence[bool]
) -> list[Trajectory]:
    """The trajectories that keep a row, by the first row that they keep; see `read_rows`.

    >>> trajectories_of_rows(["a", "b", "a"], [1, 0, 0], [True] * 3)[0].steps
    [[2], [0]]
    """
    rows_of: dict[Hashable, list[int]] = defaultdict(list)
    out_of: dict[Hashable, list[int]] = defaultdict(list)
    for row, own in enumerate(trajectory):
        (rows_of if keep[row] else out_of)[own].append(row)
    if step is None:
        return [
            Trajectory([[row] for row in own], out, sorted([*own, *out]), [])
            for own, out in ((own, out_of.get(name, [])) for name, own in rows_of.items())
        ]
    return [_by_steps(own, out_of.get(name, []), step) for name, own in rows_of.items()]


def _by_steps(own: list[int], out: list[int], step: Sequence[int]) -> Trajectory:
    if len(own) == 1 and not out:
        return Trajectory([own], [], own, [])
    kept: dict[int, list[int]] = defaultdict(list)
    for row in own:
        kept[step[row]].append(row)
    steps = [kept[number] for number in sorted(kept)]
    if not out:
        return Trajectory(steps, [], [same[0] for same in steps], [])
    first: dict[int, int] = {number: same[0] for number, same in kept.items()}
    left_out: list[int] = []
    out_copies: list[tuple[int, int]] = []
    for row in out:
        if step[row] in first:
            out_copies.append((first[step[row]], row))
        else:
            first[step[row]] = row
            left_out.append(row)
    order = [first[number] for number in sorted(first)]
    out_of_steps = set(left_out)
    return Trajectory(steps, [row for row in order if row in out_of_steps], order, out_copies)


def index_rows(
    *,
    runs: Tensor | Sequence[int],
    written: Tensor | Sequence[bool],
    scored: Tensor | Sequence[bool],
    keep: Tensor | Sequence[bool] | None = None,
) -> RowIndex:
    """The index if every row that takes part is a trajectory of its own.

    runs: the number of turns of each row. written: whether a token of the row is trained. scored:
    whether the row has a reward. keep: whether it is kept; all are without it.

    >>> index = index_rows(
    ...     runs=[2, 1], written=[True, True], scored=[True, False], keep=[True, True]
    ... )
    >>> index.trajectory.tolist(), index.turn_count.tolist()
    ([0, -1], [2])
    """
    takes_part = _flags(written) & _flags(scored)
    if keep is not None:
        takes_part &= _flags(keep)
    size = torch.as_tensor(runs, dtype=torch.int64, device="cpu").clamp(min=1)
    rows = torch.arange(len(size), device="cpu")
    if bool(takes_part.all()):
        turns = int(size.max()) if len(size) else 0
        zeros = torch.zeros_like(size)
        return RowIndex(rows, zeros, takes_part, rows, rows, size, size, turns)
    rows, size = rows[takes_part], size * takes_part
    return RowIndex(
        trajectory=torch.where(takes_part, torch.cumsum(takes_part, 0) - 1, -1),
        base=torch.zeros_like(size),
        original=takes_part,
        first=rows,
        last=rows,
        size=size,
        turn_count=size[rows],
        turns=int(size.max()) if len(size) else 0,
    )


def _flags(given: Tensor | Sequence[bool]) -> Tensor:
    return torch.as_tensor(given, dtype=torch.bool, device="cpu")


def index_trajectories(trajectories: Sequence[Trajectory], *, runs: Sequence[int]) -> RowIndex:
    """The index of rows of `runs` turns each, of the trajectories that take part.

    A row that wrote nothing is still a turn if its trajectory has other rows: a reward earned there
    counts.

    >>> found = trajectories_of_rows(["a", "b", "a"], None, [True] * 3)
    >>> index = index_trajectories(found, runs=[2, 1, 1])
    >>> index.trajectory.tolist(), index.base.tolist(), index.turn_count.tolist()
    ([0, 1, 0], [0, 0, 2], [3, 1])
    """
    builder = _Builder(len(runs))
    for own in trajectories:
        builder.add(own.steps, runs)
    return builder.index()


class _Builder:
    """Builds a RowIndex one trajectory at a time."""

    def __init__(self, rows: int) -> None:
        self.trajectory, self.base, self.size = [-1] * rows, [0] * rows, [0] * rows
        self.original = [False] * rows
        self.first: list[int] = []
        self.last: list[int] = []
        self.turn_count: list[int] = []

    def add(self, steps: list[list[int]], runs: Sequence[int]) -> None:
        turns = 0
        for same in steps:
            count = max(runs[same[0]], 1)
            for row in same:
                self.trajectory[row], self.base[row] = len(self.first), turns
                self.size[row] = count
            self.original[same[0]] = True
            turns += count
        self.first.append(steps[0][0])
        self.last.append(steps[-1][0])
        self.turn_count.append(turns)

    def index(self) -> RowIndex:
        return RowIndex(
            trajectory=torch.tensor(self.trajectory, dtype=torch.int64, device="cpu"),
            base=torch.tensor(self.base, dtype=torch.int64, device="cpu"),
            original=torch.tensor(self.original, dtype=torch.bool, device="cpu"),
            first=torch.tensor(self.first, dtype=torch.int64, device="cpu"),
            last=torch.tensor(self.last, dtype=torch.int64, device="cpu"),
            size=torch.tensor(self.size, dtype=torch.int64, device="cpu"),
            turn_count=torch.tensor(self.turn_count, dtype=torch.int64, device="cpu"),
            turns=max(self.turn_count, default=0),
        )
