"""Padded rows of tokens as packed ones and back; gradients are kept."""

from __future__ import annotations

import functools
from typing import Annotated, Literal

import torch
from torch import Tensor

from creditlib.inputs.layouts.masks import as_mask, is_tensor, rows_of
from creditlib.vocabulary import Length, Offsets, Tokens
from creditlib.vocabulary.argument_spec import ArgumentSpec
from creditlib.vocabulary.contract import (
    ContractError,
    can_read_values,
    check_offsets,
    checked,
    contract_error,
    describe_value,
)

__all__ = ["offsets_of", "pack", "unpack"]

Side = Annotated[Literal["left", "right"], ArgumentSpec("side of the padding")]
Columns = Annotated[
    int, ArgumentSpec("columns of the padded tensor; those of the longest row by default", low=0)
]
Fill = Annotated[float, ArgumentSpec("value of the padding")]
_moving = functools.partial(checked, detach=False)


@checked
def offsets_of(length: Length | None = None, *, present: Tensor | None = None) -> Offsets:
    """Cumulative lengths, starting at 0.

    Give either `length`, or `present`: the mask [batch token] of the tokens that exist, such as an
    attention mask. Its padding may lie on both sides.

    Options:
        present: [batch token]; which tokens exist: an attention mask, bool or 0 and 1 of any dtype.

    >>> offsets_of(torch.tensor([2, 0, 1]))
    tensor([0, 2, 2, 3])
    >>> offsets_of(present=torch.tensor([[0, 1, 1, 0], [0, 0, 1, 0]]))
    tensor([0, 2, 3])
    """
    if (length is None) == (present is None):
        raise _either("offsets_of", "length", length)
    if length is None:
        length = as_mask("offsets_of", "present", present).sum(1)
    elif length.is_floating_point() and can_read_values(length):
        broken = length != length.floor()
        if bool(broken.any()):
            fact = f"{length[broken][0].item()} in row {int(broken.to(torch.uint8).argmax())}"
            raise contract_error("offsets_of", "length", "whole numbers of tokens", fact)
    return torch.nn.functional.pad(torch.cumsum(length.to(torch.int64), 0), (1, 0))


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

    Give either `present` or `length`. A prompt padded on the left with a response padded on the
    right needs `present`.

    Gradients are kept.

    Options:
        x: [batch token …]; values of tokens, of any dtype.
        present: [batch token]; which tokens exist: an attention mask, bool or 0 and 1 of any dtype.
            Their padding may lie anywhere.
        length: how many tokens of a row exist. It is right only for rows with padding on one `side`
        side: the side of the padding that `length` leaves: "right" keeps the first length[i]
            tokens, "left" the last ones
        tokens: the number of tokens that exist, all rows together; a GPU does not wait if it is
            given

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

    Give either `offsets` or `present`. Gradients are kept.

    Options:
        x: [token …]; packed values, of any dtype.
        offsets: the result of `pack`. The padding then lies on one `side`
        present: [batch token]; the tokens lie where it is true, as before `pack(…,
            present=present)`.

    >>> unpack(torch.tensor([1, 2, 3]), torch.tensor([0, 2, 3]))
    tensor([[1, 2],
            [3, 0]])
    >>> unpack(torch.tensor([1, 2, 3]), present=torch.tensor([[0, 1, 1], [0, 1, 0]]))
    tensor([[0, 1, 2],
            [0, 3, 0]])
    """
    if not is_tensor(x, 1):
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
    if not is_tensor(x, 2) or x.shape[0] != rows:
        raise contract_error(function, "x", f"[batch token] of {rows} rows", describe_value(x))


def _mask_like(function: str, x: Tensor, present: Tensor | None, side: Side) -> Tensor:
    """`present` as bool, for a table `x` of the same rows and columns."""
    if side != "right":
        raise contract_error(function, "side", "left out where `present` is given", repr(side))
    where = as_mask(function, "present", present)
    if not is_tensor(x, 2) or x.shape[:2] != where.shape:
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
    where = as_mask("unpack", "present", present)
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
