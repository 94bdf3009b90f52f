"""Conversions between layouts: step rows and turns, masks and turn maps, packed and padded."""

from __future__ import annotations

import functools
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor

from creditlib.vocabulary import Length, Offsets, Tokens, Trajectory, Turn, TurnCount
from creditlib.vocabulary.argument_spec import ArgumentSpec
from creditlib.vocabulary.contract import (
    can_read_values,
    check_offsets,
    checked,
    contract_error,
    describe_value,
)

__all__ = [
    "RowPositions",
    "count_turns",
    "offsets_of",
    "pack",
    "place_rows",
    "rows_from_turns",
    "rows_of",
    "trajectories_from_rows",
    "turns_from_mask",
    "turns_from_rows",
    "unpack",
]

Side = Annotated[Literal["left", "right"], ArgumentSpec("side of the padding")]
Columns = Annotated[
    int, ArgumentSpec("columns of the padded tensor; those of the longest row by default", low=0)
]
Fill = Annotated[float, ArgumentSpec("value of the padding")]
_moving = functools.partial(checked, detach=False)


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
    function counts trajectories, so a GPU waits once.

    >>> place_rows(torch.tensor([7, 5, 7]))[:3]
    (tensor([0, 1, 0]), tensor([0, 0, 1]), tensor([2, 1]))
    """
    _, inverse, count = torch.unique(trajectory, return_inverse=True, return_counts=True)
    rows = torch.arange(len(inverse), device=inverse.device)
    first = torch.full_like(count, len(inverse)).scatter_reduce(0, inverse, rows, "amin")
    rank = torch.argsort(torch.argsort(first))
    number, turn_count = rank[inverse], torch.empty_like(count).scatter(0, rank, count)
    order = torch.argsort(number, stable=True)
    start = torch.cumsum(turn_count, 0) - turn_count
    turn = torch.empty_like(number).scatter(0, order, rows - start[number[order]])
    turns = int(turn_count.max()) if len(turn_count) else 0
    return RowPositions(number, turn, turn_count, turns)


def turns_from_rows(x: Tensor, places: RowPositions, *, fill: float = 0) -> Tensor:
    """One value `x` per step row as a table [batch turn], padded with `fill`.

    `places` is the result of `place_rows`.

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

    `places` is the result of `place_rows`.

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

    >>> places = place_rows(torch.tensor([7, 5, 7]))
    >>> rows_from_turns(torch.tensor([[1.0, 3.0], [2.0, 0.0]]), places)
    tensor([1., 2., 3.])
    """
    wanted = (len(places.turn_count), places.turns)
    if not _is_tensor(credit, 2) or credit.shape[:2] != wanted:
        contract = f"[batch turn] of shape {wanted}"
        raise contract_error("rows_from_turns", "credit", contract, describe_value(credit))
    return credit[places.trajectory, places.turn]


def _refuse_rows(function: str, x: Tensor, places: RowPositions) -> None:
    if not _is_tensor(x, 1) or x.shape[0] != len(places.trajectory):
        raise contract_error(
            function, "x", f"[row] of {len(places.trajectory)} rows", describe_value(x)
        )


def _is_tensor(x: object, axes: int) -> bool:
    return isinstance(x, Tensor) and x.layout is torch.strided and x.ndim >= axes


@checked
def turns_from_mask(mask: Tensor, *, offsets: Offsets | None = None) -> Turn:
    """Each run of policy tokens of a mask becomes a turn.

    `mask` is bool[batch token], or bool[token] with `offsets`. Compare a 0/1 mask of another dtype
    with 0 first.

    >>> turns_from_mask(torch.tensor([[False, True, True, False, True]]))
    tensor([[-1,  0,  0, -1,  1]])
    """
    axes = 2 if offsets is None else 1
    if not _is_tensor(mask, 1) or mask.dtype != torch.bool or mask.ndim != axes:
        wanted = "bool[batch token]" if offsets is None else "bool[token]"
        raise contract_error("turns_from_mask", "mask", wanted, describe_value(mask))
    if offsets is not None and can_read_values(offsets):
        check_offsets("turns_from_mask", offsets, mask.shape[0])
    before = torch.nn.functional.pad(mask[..., :-1], (1, 0))[..., : mask.shape[-1]]
    if offsets is not None:
        position = torch.arange(mask.shape[0], device=mask.device)
        start = offsets[:-1].to(torch.int64)
        row = rows_of(offsets, mask.shape[0])
        begins = mask & (~before | (position == start[row]))
        run = torch.cumsum(begins, 0)
        skipped = torch.nn.functional.pad(run, (1, 0))[start[row]]
        return torch.where(mask, run - skipped - 1, -1)
    run = torch.cumsum(mask & ~before, -1)
    return torch.where(mask, run - 1, -1)


@checked
def count_turns(turn: Turn) -> TurnCount:
    """How many turns each padded row has: its largest turn id plus one.

    >>> count_turns(torch.tensor([[-1, 0, 1], [-1, -1, -1]]))
    tensor([2, 0])
    """
    if turn.ndim != 2:
        raise contract_error("count_turns", "turn", "int[batch token]", describe_value(turn))
    return torch.nn.functional.pad(turn, (1, 0), value=-1).amax(1).to(torch.int64) + 1


@checked
def offsets_of(length: Length) -> Offsets:
    """Cumulative lengths, starting at 0.

    >>> offsets_of(torch.tensor([2, 0, 1]))
    tensor([0, 2, 2, 3])
    """
    return torch.nn.functional.pad(torch.cumsum(length.to(torch.int64), 0), (1, 0))


@checked
def rows_of(offsets: Offsets, tokens: Tokens) -> Tensor:
    """The row that owns each packed token, int64[token].

    >>> rows_of(torch.tensor([0, 2, 2, 3]), 3).tolist()
    [0, 0, 2]
    """
    position = torch.arange(tokens, device=offsets.device)
    return torch.searchsorted(offsets[1:].to(torch.int64).contiguous(), position, right=True)


@_moving
def pack(
    x: Tensor, length: Length, *, side: Side = "right", tokens: Tokens | None = None
) -> tuple[Tensor, Tensor]:
    """(packed, offsets): the first length[i] tokens of each row of `x`, the last with padding left.

    A GPU does not wait if `tokens`, the sum of `length`, is given. Gradients are kept.

    >>> pack(torch.tensor([[1, 2, 0], [3, 0, 0]]), torch.tensor([2, 1]))
    (tensor([1, 2, 3]), tensor([0, 2, 3]))
    """
    if not _is_tensor(x, 2) or x.shape[0] != length.shape[0]:
        raise contract_error(
            "pack", "x", f"[batch token] of {length.shape[0]} rows", describe_value(x)
        )
    _refuse_longer("pack", "length", length, x.shape[1])
    offsets = offsets_of(length)
    if tokens is not None and can_read_values(offsets) and int(offsets[-1]) != tokens:
        raise contract_error(
            "pack", "tokens", f"{int(offsets[-1])}, the sum of `length`", str(tokens)
        )
    count = int(offsets[-1]) if tokens is None else tokens
    row, column = _cells(offsets, count, x.shape[1], side)
    return x[row, column], offsets


@_moving
def unpack(
    x: Tensor,
    offsets: Offsets,
    *,
    width: Columns | None = None,
    side: Side = "right",
    fill: Fill = 0,
) -> Tensor:
    """Packed tokens `x` as padded rows.

    Gradients are kept.

    >>> unpack(torch.tensor([1, 2, 3]), torch.tensor([0, 2, 3]))
    tensor([[1, 2],
            [3, 0]])
    """
    if not _is_tensor(x, 1):
        raise contract_error("unpack", "x", "[token]", describe_value(x))
    if can_read_values(offsets):
        check_offsets("unpack", offsets, x.shape[0])
    lengths = offsets[1:] - offsets[:-1]
    if width is not None:
        _refuse_longer("unpack", "offsets", lengths, width)
    else:
        width = int(lengths.max()) if lengths.numel() else 0
    row, column = _cells(offsets, x.shape[0], width, side)
    result = x.new_full((lengths.shape[0], width, *x.shape[1:]), fill)
    return result.index_put((row, column), x)


def _refuse_longer(function: str, argument: str, length: Tensor, width: int) -> None:
    if can_read_values(length) and bool(((length > width) | (length < 0)).any()):
        off = int(length.max()) if int(length.max()) > width else int(length.min())
        raise contract_error(function, argument, f"rows of 0 to {width} tokens", f"a row of {off}")


def _cells(offsets: Tensor, tokens: int, width: int, side: Side) -> tuple[Tensor, Tensor]:
    """Row and column of each packed token in the padded layout."""
    bounds = offsets.to(torch.int64)
    row = rows_of(offsets, tokens)
    column = torch.arange(tokens, device=offsets.device) - bounds[row]
    if side == "left":
        column = column + width - (bounds[row + 1] - bounds[row])
    return row, column
