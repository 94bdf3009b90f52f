"""Masks: bool, or 0 and 1 of any dtype, such as an attention mask.

Other values are refused where they can be read; on a GPU whatever is not 0 counts as 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.vocabulary import Offsets, Tokens
from creditlib.vocabulary.contract import (
    can_read_values,
    checked,
    contract_error,
    describe_value,
)
from creditlib.vocabulary.conversions import row_of_tokens

__all__ = ["as_mask", "is_tensor", "rows_of"]


def is_tensor(x: object, axes: int) -> bool:
    """Whether a value is an ordinary tensor of so many axes or more.

    >>> is_tensor(torch.zeros(2), 1), is_tensor([0, 0], 1)
    (True, False)
    """
    return isinstance(x, Tensor) and x.layout is torch.strided and x.ndim >= axes


def as_mask(
    function: str, argument: str, x: Tensor | None, offsets: Tensor | None = None
) -> Tensor:
    """A mask as bool; what is neither 0 nor 1 is refused where it can be read.

    >>> as_mask("f", "mask", torch.tensor([[0, 1]]))
    tensor([[False,  True]])
    """
    axes = 2 if offsets is None else 1
    if x is None or not is_tensor(x, axes) or x.ndim != axes or x.is_complex():
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
def rows_of(offsets: Offsets, tokens: Tokens) -> Tensor:
    """The row that owns each packed token, int64[token].

    >>> rows_of(torch.tensor([0, 2, 2, 3]), 3).tolist()
    [0, 0, 2]
    """
    return row_of_tokens(offsets, tokens)
