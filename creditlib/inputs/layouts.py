"""Conversions between layouts: step rows and turns, masks and turn maps, packed and padded.

A mask is bool, or holds 0 and 1 of any dtype, such as an attention mask. Other values are refused
where they can be read; on a GPU whatever is not 0 counts as 1.
"""

from __future__ import annotations

import functools
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor

from creditlib.inputs.macro_actions import macro_actions as macro_actions
from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.vocabulary import (
    Length,
    Offsets,
    Tokens,
    Trajectory,
    Turn,
    TurnCount,
    TurnLength,
    Turns,
)
from creditlib.vocabulary.argument_spec import ArgumentSpec
from creditlib.vocabulary.contract import (
    ContractError,
    can_read_values,
    check_offsets,
    checked,
    contract_error,
    describe_value,
)
from creditlib.vocabulary.conversions import row_of_tokens, runs_of_mask

__all__ = [
    "RowPositions",
    "count_turns",
    "macro_actions",
    "offsets_of",
    "pack",
    "place_rows",
    "rows_from_turns",
    "rows_of",
    "trajectories_from_rows",
    "turn_length",
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


def _mask(function: str, argument: str, x: Tensor | None, offsets: Tensor | None = None) -> Tensor:
    """A mask as bool; what is neither 0 nor 1 is refused where it can be read."""
    axes = 2 if offsets is None else 1
    if x is None or not _is_tensor(x, axes) or x.ndim != axes or x.is_complex():
        shape = "[batch token]" if offsets is None else "[token]"
        wanted = f"bool{shape}, or 0 and 1 of any dtype"
        remedy = "" if isinstance(x, Tensor) else f"call `torch.as_tensor({argument})`"
        raise contract_error(function, argument, wanted, describe_value(x), remedy)
    if x.dtype is torch.bool:
        return x
    if can_read_values(x):
        wrong = ((x != 0) & (x != 1)).nonzero()
        if len(wrong):
            place: list[int] = wrong[0].tolist()
            row = place[0] if offsets is None else int(rows_of(offsets, x.shape[0])[place[0]])
            fact = f"{x[tuple(place)].item()} in row {row}, token {place[-1]}"
            remedy = f"compare it, as `{argument} != 0`, or `labels != -100` for labels"
            raise contract_error(function, argument, "0 or 1 at each token", fact, remedy)
    return x != 0


@checked
def turns_from_mask(mask: Tensor, *, offsets: Offsets | None = None) -> Turn:
    """Each run of policy tokens of a mask becomes a turn.

    `mask` is [batch token], or [token] with `offsets`; bool, or 0 and 1 of any dtype.

    >>> turns_from_mask(torch.tensor([[0, 1, 1, 0, 1]]))
    tensor([[-1,  0,  0, -1,  1]])
    """
    written = _mask("turns_from_mask", "mask", mask, offsets)
    if offsets is not None and can_read_values(offsets):
        check_offsets("turns_from_mask", offsets, mask.shape[0])
    return runs_of_mask(written, offsets)


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
def turn_length(
    turn: Turn, turns: Turns | None = None, *, offsets: Offsets | None = None
) -> TurnLength:
    """How many tokens the policy wrote in each turn, int64[batch turn].

    Without `turns` there are as many columns as the largest turn id needs; a GPU waits for it.
    A turn without tokens has length 0.

    >>> turn_length(torch.tensor([[-1, 0, 0, -1, 1], [0, -1, -1, -1, -1]]))
    tensor([[2, 1],
            [1, 0]])
    """
    axes = 2 if offsets is None else 1
    if turn.ndim != axes:
        wanted = "int[batch token]" if offsets is None else "int[token] with `offsets`"
        raise contract_error("turn_length", "turn", wanted, describe_value(turn))
    refuse_unordered_turns("turn_length", turn, offsets)
    largest = int(turn.max()) if turn.numel() and (turns is None or can_read_values(turn)) else -1
    columns = largest + 1 if turns is None else turns
    if largest >= columns:
        raise contract_error("turn_length", "turn", f"below the {columns} `turns`", str(largest))
    if offsets is None:
        rows = turn.shape[0]
        row = torch.arange(rows, device=turn.device)[:, None].expand(turn.shape)
    else:
        rows, row = offsets.shape[0] - 1, rows_of(offsets, turn.shape[0])
    # Column 0 counts the tokens that the policy did not write, and is dropped.
    cell = row * (columns + 1) + turn.to(torch.int64).clamp(min=-1) + 1
    total = torch.zeros(rows * (columns + 1), dtype=torch.int64, device=turn.device)
    one = torch.ones_like(cell).reshape(-1)
    return total.index_add(0, cell.reshape(-1), one).view(rows, columns + 1)[:, 1:].contiguous()


@checked
def offsets_of(length: Length | None = None, *, present: Tensor | None = None) -> Offsets:
    """Cumulative lengths, starting at 0.

    Give either `length`, or `present`: the mask [batch token] of the tokens that exist, such as an
    attention mask. Its padding may lie on both sides.

    >>> offsets_of(torch.tensor([2, 0, 1]))
    tensor([0, 2, 2, 3])
    >>> offsets_of(present=torch.tensor([[0, 1, 1, 0], [0, 0, 1, 0]]))
    tensor([0, 2, 3])
    """
    if (length is None) == (present is None):
        raise _either("offsets_of", "length", length)
    if length is None:
        length = _mask("offsets_of", "present", present).sum(1)
    elif length.is_floating_point() and can_read_values(length):
        broken = length != length.floor()
        if bool(broken.any()):
            fact = f"{length[broken][0].item()} in row {int(broken.to(torch.uint8).argmax())}"
            raise contract_error("offsets_of", "length", "whole numbers of tokens", fact)
    return torch.nn.functional.pad(torch.cumsum(length.to(torch.int64), 0), (1, 0))


@checked
def rows_of(offsets: Offsets, tokens: Tokens) -> Tensor:
    """The row that owns each packed token, int64[token].

    >>> rows_of(torch.tensor([0, 2, 2, 3]), 3).tolist()
    [0, 0, 2]
    """
    return row_of_tokens(offsets, tokens)


@_moving
def pack(
    x: Tensor,
    length: Length | None = None,
    *,
    present: Tensor | None = None,
    side: Side = "right",
    tokens: Tokens | None = None,
) -> tuple[Tensor, Tensor]:
    """(packed, offsets): the tokens of each row of `x` that exist, one row after the other.

    `present`, [batch token], says which tokens exist: an attention mask, bool or 0 and 1 of any
    dtype. Their padding may lie anywhere. `length` says how many there are, and is right only for
    rows with padding on one `side`: the first length[i] tokens, or the last ones with "left". A
    prompt padded on the left with a response padded on the right needs `present`.

    A GPU does not wait if `tokens`, the number of tokens that exist, is given. Gradients are kept.

    >>> pack(torch.tensor([[1, 2, 0], [3, 0, 0]]), torch.tensor([2, 1]))
    (tensor([1, 2, 3]), tensor([0, 2, 3]))
    >>> pack(torch.tensor([[0, 1, 2], [0, 3, 0]]), present=torch.tensor([[0, 1, 1], [0, 1, 0]]))
    (tensor([1, 2, 3]), tensor([0, 2, 3]))
    """
    if (length is None) == (present is None):
        raise _either("pack", "length", length)
    if length is None:
        where = _mask_like("pack", x, present, side)
        offsets = offsets_of(present=where)
        return x.flatten(0, 1)[_packed_cells(where, _total(offsets, tokens, "present"))], offsets
    _refuse_batch("pack", x, length.shape[0])
    _refuse_longer("pack", "length", length, x.shape[1], _ONE_SIDE)
    offsets = offsets_of(length)
    row, column = _cells(offsets, _total(offsets, tokens, "length"), x.shape[1], side)
    return x[row, column], offsets


@_moving
def unpack(
    x: Tensor,
    offsets: Offsets | None = None,
    *,
    present: Tensor | None = None,
    width: Columns | None = None,
    side: Side = "right",
    fill: Fill = 0,
) -> Tensor:
    """Packed tokens `x` as padded rows.

    With `offsets` the padding lies on one `side`. With `present`, [batch token], the tokens lie
    where it is true, as before `pack(…, present=present)`. Gradients are kept.

    >>> unpack(torch.tensor([1, 2, 3]), torch.tensor([0, 2, 3]))
    tensor([[1, 2],
            [3, 0]])
    >>> unpack(torch.tensor([1, 2, 3]), present=torch.tensor([[0, 1, 1], [0, 1, 0]]))
    tensor([[0, 1, 2],
            [0, 3, 0]])
    """
    if not _is_tensor(x, 1):
        raise contract_error("unpack", "x", "[token]", describe_value(x))
    if (offsets is None) == (present is None):
        raise _either("unpack", "offsets", offsets)
    if offsets is None:
        return _unpack_present(x, present, width, side, fill)
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


_ONE_SIDE = "rows with padding on both sides need `present`"


def _either(function: str, argument: str, value: object) -> ContractError:
    """The refusal of a call that says twice, or not at all, where tokens lie."""
    fact = "neither" if value is None else "both"
    return contract_error(function, argument, "given, or `present`, and not both", fact)


def _refuse_batch(function: str, x: Tensor, rows: int) -> None:
    if not _is_tensor(x, 2) or x.shape[0] != rows:
        raise contract_error(function, "x", f"[batch token] of {rows} rows", describe_value(x))


def _mask_like(function: str, x: Tensor, present: Tensor | None, side: Side) -> Tensor:
    """`present` as bool, for a table `x` of the same rows and columns."""
    if side != "right":
        raise contract_error(function, "side", "left out where `present` is given", repr(side))
    where = _mask(function, "present", present)
    if not _is_tensor(x, 2) or x.shape[:2] != where.shape:
        shape = tuple(where.shape)
        raise contract_error(function, "x", f"{shape} like `present`", describe_value(x))
    return where


def _total(offsets: Tensor, tokens: int | None, argument: str) -> int:
    """The number of packed tokens: `tokens` where given, so that no device waits."""
    if tokens is None:
        return int(offsets[-1])
    if can_read_values(offsets) and int(offsets[-1]) != tokens:
        wanted = f"{int(offsets[-1])}, the sum of `{argument}`"
        raise contract_error("pack", "tokens", wanted, str(tokens))
    return tokens


def _packed_cells(present: Tensor, tokens: int) -> Tensor:
    """The number of the cell [batch token] that each packed token comes from; nothing waits."""
    where = present.reshape(-1)
    position = torch.where(where, torch.cumsum(where, 0) - 1, tokens)
    cells = torch.arange(where.shape[0], device=where.device)
    return cells.new_zeros(tokens + 1).scatter(0, position, cells)[:tokens]


def _unpack_present(
    x: Tensor, present: Tensor | None, width: int | None, side: Side, fill: float
) -> Tensor:
    if side != "right" or width is not None:
        name, value = ("width", width) if side == "right" else ("side", side)
        wanted = "left out where `present` is given"
        raise contract_error("unpack", name, wanted, repr(value))
    where = _mask("unpack", "present", present)
    if can_read_values(where) and int(where.sum()) != x.shape[0]:
        fact = f"{int(where.sum())} of them"
        raise contract_error("unpack", "present", f"true at {x.shape[0]} tokens", fact)
    if not x.shape[0]:
        return x.new_full((*where.shape, *x.shape[1:]), fill)
    position = (torch.cumsum(where.reshape(-1), 0) - 1).clamp(min=0).view(where.shape)
    shown = where.view(*where.shape, *[1] * (x.ndim - 1))
    return torch.where(shown, x[position], torch.full_like(x[:1], fill))


def _refuse_longer(
    function: str, argument: str, length: Tensor, width: int, remedy: str = ""
) -> None:
    if can_read_values(length) and bool(((length > width) | (length < 0)).any()):
        off = length.max() if length.max() > width else length.min()
        fact = f"a row of {off.item()}"
        raise contract_error(function, argument, f"rows of 0 to {width} tokens", fact, remedy)


def _cells(offsets: Tensor, tokens: int, width: int, side: Side) -> tuple[Tensor, Tensor]:
    """Row and column of each packed token in the padded layout."""
    bounds = offsets.to(torch.int64)
    row = rows_of(offsets, tokens)
    column = torch.arange(tokens, device=offsets.device) - bounds[row]
    if side == "left":
        column = column + width - (bounds[row + 1] - bounds[row])
    return row, column
