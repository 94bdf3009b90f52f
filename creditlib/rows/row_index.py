"""For each row of a trainer's batch: its trajectory, its first turn, and whether it is a copy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from creditlib.vocabulary.messages import contract_error

__all__ = ["RowIndex", "index_rows"]


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


def index_rows(
    *,
    runs: Sequence[int],
    written: Sequence[bool],
    scored: Sequence[bool],
    trajectory: Sequence[Hashable] | None,
    step: Sequence[int] | None,
    keep: Sequence[bool],
) -> RowIndex:
    """The index of rows of `runs` turns each; for the other arguments see `read_rows`.

    written: whether the policy wrote a token of the row. scored: whether the row has a reward. A
    row that wrote nothing is still a turn if its trajectory has other rows: a reward earned there
    counts.

    >>> index = index_rows(
    ...     runs=[2, 1, 1],
    ...     written=[True] * 3,
    ...     scored=[True] * 3,
    ...     trajectory=["a", "b", "a"],
    ...     step=None,
    ...     keep=[True] * 3,
    ... )
    >>> index.trajectory.tolist(), index.base.tolist(), index.turn_count.tolist()
    ([0, 1, 0], [0, 0, 2], [3, 1])
    """
    rows = len(runs)
    for name, given in (("trajectory", trajectory), ("step", step)):
        if given is not None and len(given) != rows:
            raise contract_error("read_rows", name, f"one for each of {rows} rows", str(len(given)))
    if trajectory is None and step is not None:
        raise contract_error("read_rows", "step", "given with `trajectory`", "`step` alone")
    for row, number in enumerate(() if step is None else step):
        if not hasattr(number, "__index__"):
            raise contract_error(
                "read_rows", "step", "an integer for each row", f"{number!r} in row {row}"
            )
    if trajectory is None:
        return _one_row_each(runs, torch.tensor([written, scored, keep], dtype=torch.bool).all(0))
    rows_of: dict[Hashable, list[int]] = defaultdict(list)
    for row in range(rows):
        if keep[row]:
            rows_of[trajectory[row]].append(row)
    builder = _Builder(rows)
    for own in rows_of.values():
        steps = _steps_in_order(own, step, runs)
        if scored[steps[-1][0]] and any(written[row] for same in steps for row in same):
            builder.add(steps, runs)
    return builder.index()


def _one_row_each(runs: Sequence[int], takes_part: Tensor) -> RowIndex:
    """The index if every row that takes part is a trajectory."""
    rows = takes_part.nonzero()[:, 0]
    size = torch.tensor(runs, dtype=torch.int64).clamp(min=1) * takes_part
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


def _steps_in_order(
    own: list[int], step: Sequence[int] | None, runs: Sequence[int]
) -> list[list[int]]:
    """The steps of a trajectory in order; each is a list of the row and its copies."""
    if step is None:
        return [[row] for row in own]
    by_step: dict[int, list[int]] = defaultdict(list)
    for row in own:
        by_step[int(step[row])].append(row)
    for same in by_step.values():
        if len({runs[row] for row in same}) > 1:
            fact = f"rows {same[0]} and {same[1]} of one step with different turns"
            raise contract_error(
                "read_rows", "step", "one number for each row and its copies", fact
            )
    return [by_step[each] for each in sorted(by_step)]


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
            trajectory=torch.tensor(self.trajectory, dtype=torch.int64),
            base=torch.tensor(self.base, dtype=torch.int64),
            original=torch.tensor(self.original, dtype=torch.bool),
            first=torch.tensor(self.first, dtype=torch.int64),
            last=torch.tensor(self.last, dtype=torch.int64),
            size=torch.tensor(self.size, dtype=torch.int64),
            turn_count=torch.tensor(self.turn_count, dtype=torch.int64),
            turns=max(self.turn_count, default=0),
        )
