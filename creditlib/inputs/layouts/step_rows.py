"""Step rows and turns: each step of a trajectory is a row of its own, or a column of a table."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from creditlib.inputs.layouts.masks import is_tensor
from creditlib.vocabulary import Trajectory
from creditlib.vocabulary.contract import checked, contract_error, describe_value

__all__ = [
    "RowPositions",
    "place_rows",
    "rows_from_turns",
    "trajectories_from_rows",
    "turns_from_rows",
]


class RowPositions(NamedTuple):
    """The trajectory and the turn of each step row, and the number of turns of each trajectory."""

    trajectory: Tensor
    turn: Tensor
    turn_count: Tensor
    turns: int


@checked
def place_rows(trajectory: Trajectory) -> RowPositions:
    """The positions of step rows: the rows of one trajectory are its turns, in their order.

    Trajectories are numbered by first appearance; the rows of one need not be adjacent. The
    function counts trajectories, so a GPU waits. Ids that rise from one trajectory to the next are
    not sorted.

    >>> place_rows(torch.tensor([7, 5, 7]))[:3]
    (tensor([0, 1, 0]), tensor([0, 0, 1]), tensor([2, 1]))
    """
    rows = len(trajectory)
    start = _begins(trajectory).nonzero()[:, 0]  # of each run of adjacent rows of one trajectory
    length = torch.diff(start, append=start.new_tensor([rows]))
    own = trajectory[start]
    if bool((own[1:] > own[:-1]).all()):
        number = torch.arange(len(own), device=own.device)
        before, turn_count = torch.zeros_like(start), length
    else:
        number, before, turn_count = _joined(own, length)
    row = torch.arange(rows, device=start.device)
    turn = row + (before - start).repeat_interleave(length, output_size=rows)
    number = number.repeat_interleave(length, output_size=rows)
    return RowPositions(number, turn, turn_count, int(turn_count.max()) if rows else 0)


def _begins(x: Tensor) -> Tensor:
    """bool[row]: whether another value begins."""
    begins = torch.ones(len(x), dtype=torch.bool, device=x.device)
    begins[1:] = x[1:] != x[:-1]
    return begins


def _joined(trajectory: Tensor, length: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(number of the trajectory of each run, turns before it, turns of each trajectory)."""
    ordered, order = torch.sort(trajectory, stable=True)
    begins = _begins(ordered)
    group = torch.cumsum(begins, 0) - 1
    first = order[begins]  # the first run of each trajectory
    appears = torch.zeros_like(order).scatter(0, first, 1)
    rank = (torch.cumsum(appears, 0) - 1)[first]
    number = torch.empty_like(order).scatter(0, order, rank[group])
    total = torch.cumsum(length[order], 0) - length[order]
    before = torch.empty_like(order).scatter(0, order, total - total[begins][group])
    return number, before, torch.zeros_like(first).index_add(0, number, length)


def turns_from_rows(x: Tensor, places: RowPositions, *, fill: float = 0) -> Tensor:
    """One value `x` per step row as a table [batch turn], padded with `fill`.

    Args:
        x: [row …]; a value of each step row, of any dtype.
        places: where each step row stands: the result of `place_rows`.
        fill: the value of turns that do not exist.

    >>> turns_from_rows(torch.tensor([1.0, 2.0, 3.0]), place_rows(torch.tensor([7, 5, 7])))
    tensor([[1., 3.],
            [2., 0.]])
    """
    _refuse_rows("turns_from_rows", x, places)
    result = x.new_full((len(places.turn_count), places.turns, *x.shape[1:]), fill)
    result[places.trajectory, places.turn] = x
    return result


def trajectories_from_rows(x: Tensor, places: RowPositions) -> Tensor:
    """A value `x` that all rows of a trajectory share as [batch]; that of the first row otherwise.

    Args:
        x: [row …]; a value of each step row, of any dtype.
        places: where each step row stands: the result of `place_rows`.

    >>> trajectories_from_rows(torch.tensor([4, 9, 4]), place_rows(torch.tensor([7, 5, 7])))
    tensor([4, 9])
    """
    _refuse_rows("trajectories_from_rows", x, places)
    first = places.turn == 0
    result = x.new_zeros((len(places.turn_count), *x.shape[1:]))
    result[places.trajectory[first]] = x[first]
    return result


def rows_from_turns(credit: Tensor, places: RowPositions) -> Tensor:
    """A table `credit` [batch turn] as one value per step row, at `places`.

    Args:
        credit: float[batch turn]; a value of each turn.
        places: where each step row stands: the result of `place_rows`.

    >>> places = place_rows(torch.tensor([7, 5, 7]))
    >>> rows_from_turns(torch.tensor([[1.0, 3.0], [2.0, 0.0]]), places)
    tensor([1., 2., 3.])
    """
    wanted = (len(places.turn_count), places.turns)
    if not is_tensor(credit, 2) or credit.shape[:2] != wanted:
        contract = f"[batch turn] of shape {wanted}"
        raise contract_error("rows_from_turns", "credit", contract, describe_value(credit))
    return credit[places.trajectory, places.turn]


def _refuse_rows(function: str, x: Tensor, places: RowPositions) -> None:
    if not is_tensor(x, 1) or x.shape[0] != len(places.trajectory):
        raise contract_error(
            function, "x", f"[row] of {len(places.trajectory)} rows", describe_value(x)
        )
