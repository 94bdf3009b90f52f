"""Recursions from the end of padded rows on a CPU without compiled loops: sixteen columns a walk.

The written tokens of each row are moved to the right end of a table, so that neither padding nor
its side nor a gap changes where a token stands. The table is cut into blocks of 16 columns, counted
from its right end. One walk over 16 columns serves all blocks at once; another walk carries what
comes from the right from block to block. So 4,096 columns take 16 + 256 steps, and a bit of the
result depends on nothing but the written tokens of its row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from creditlib.vocabulary.small_values import can_read_values

__all__ = [
    "BLOCK",
    "Written",
    "can_align",
    "following",
    "goes_back",
    "list_written",
    "listed",
    "on_tokens",
    "walk_blocks",
]

BLOCK = 16


class Written(NamedTuple):
    """The written tokens of padded rows, listed row after row.

    `at` is where each lies in the flat batch, `counts` how many each row has, and `end` where those
    of each row end in the list.
    `right`, bool[row column], is the table in which they stand at the right end of their rows.
    """

    at: Tensor
    counts: Tensor
    end: Tensor
    right: Tensor


def can_align(turn: Tensor, offsets: Tensor | None) -> bool:
    """Whether the rows are padded, and their lengths can be read without waiting for a device.

    >>> can_align(torch.tensor([[0, -1]]), None)
    True
    """
    return offsets is None and can_read_values(turn)


def list_written(turn: Tensor) -> Written:
    """The written tokens of padded rows on a CPU.

    >>> list_written(torch.tensor([[0, -1], [-1, -1], [0, 1]])).at.tolist()
    [0, 4, 5]
    """
    rows, width = turn.shape
    # numpy's search takes a third of the time of torch's.
    at = torch.from_numpy(np.flatnonzero((turn >= 0).numpy()))
    bounds = torch.searchsorted(at, torch.arange(rows + 1, device="cpu") * width)
    count = bounds.diff()
    most = -(-int(count.max()) // BLOCK) * BLOCK if rows else 0
    right = torch.arange(most, device="cpu") >= most - count[:, None]
    return Written(at, count, bounds[1:], right)


def listed(x: Tensor, written: Written) -> Tensor:
    """The values of the written tokens.

    >>> turn = torch.tensor([[0, -1], [-1, 1]])
    >>> listed(torch.tensor([[5.0, 6.0], [7.0, 8.0]]), list_written(turn)).tolist()
    [5.0, 8.0]
    """
    return x.reshape(-1).index_select(0, written.at)


def goes_back(turn: Tensor, written: Written) -> bool:
    """Whether the turn id of a written token is below that of the written token before it.

    >>> turn = torch.tensor([[1, -1, 0], [0, 1, 1]])
    >>> goes_back(turn, list_written(turn)), goes_back(turn[1:], list_written(turn[1:]))
    (True, False)
    """
    who = listed(turn, written)
    back = who[1:] < who[:-1]
    inside = (written.end > 0) & (written.end < len(who))
    back[written.end[inside] - 1] = False  # the first token of another row
    return bool(back.any())


def following(value: Tensor, written: Written, last: Tensor | None) -> Tensor:
    """The value of the next written token of the row; after the last one `last`, or 0.

    >>> written = list_written(torch.tensor([[0, -1, 0], [-1, 0, -1]]))
    >>> following(torch.tensor([1.0, 2.0, 3.0]), written, torch.tensor([7.0, 8.0])).tolist()
    [2.0, 7.0, 8.0]
    """
    result = torch.nn.functional.pad(value[1:], (0, min(len(value), 1)))
    some = written.counts > 0
    ends = written.end[some] - 1
    result[ends] = 0.0 if last is None else last.to(value.dtype)[some]
    return result


def walk_blocks(value: Tensor, written: Written, decay: float) -> Tensor:
    """y[t] = value[t] + decay · y[next written token of the row], of the listed tokens.

    >>> written = list_written(torch.tensor([[0, -1, 0], [-1, 0, -1]]))
    >>> walk_blocks(torch.tensor([1.0, 2.0, 4.0]), written, 0.5).tolist()
    [2.0, 2.0, 4.0]
    """
    right = written.right
    rows, blocks = right.shape[0], right.shape[1] // BLOCK
    table = value.new_zeros(right.shape).masked_scatter_(right, value)
    # The columns of a block one after another, each with all rows and blocks: steps are contiguous.
    columns = table.view(-1, BLOCK).t().contiguous()
    _walk(columns, decay)
    first = columns[0].view(rows, blocks).t().clone(memory_format=torch.contiguous_format)
    _walk(first, decay**BLOCK)
    carried = torch.nn.functional.pad(first[1:], (0, 0, 0, min(blocks, 1))).t().reshape(-1)
    for k, column in enumerate(columns.unbind(0)):
        column.add_(carried * decay ** (BLOCK - k))
    table = columns.t().contiguous().view(right.shape)
    return torch.from_numpy(table.numpy()[right.numpy()])


def _walk(steps: Tensor, decay: float) -> None:
    """Add to each step, from the last to the first, `decay` times the one behind it, in place.

    Multiplied and added apart: both fused round otherwise, and whether they are may depend on where
    a number lies.
    """
    each, rate = steps.unbind(0), steps.new_tensor(decay)
    for k in reversed(range(len(each) - 1)):
        each[k].add_(each[k + 1] * rate)


def on_tokens(value: Tensor, written: Written, turn: Tensor) -> Tensor:
    """The values of the listed tokens on the tokens of the batch, 0 on the others.

    >>> turn = torch.tensor([[0, -1], [-1, 1]])
    >>> on_tokens(torch.tensor([5.0, 6.0]), list_written(turn), turn).tolist()
    [[5.0, 0.0], [0.0, 6.0]]
    """
    result = value.new_zeros(turn.numel())
    return result.index_copy_(0, written.at, value).view(turn.shape)
