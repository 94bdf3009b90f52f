"""From rows of a mask, or of ids, to a turn map in the smallest dtype, with counts and sums."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from creditlib.ops.precision import wide
from creditlib.vocabulary.conversions import runs_of_mask

__all__ = [
    "TurnMap",
    "keep_trained",
    "map_ids",
    "map_runs",
    "place_turns",
    "rewards_of_turns",
    "row_sums",
    "smallest_dtype",
]


class TurnMap(NamedTuple):
    """The turn of each token of some rows, and what is counted on the way.

    turn: [row token], -1 where there is none, in the smallest integer dtype. turns: int64[row], the
    turns of each row. length: int64[row turn], the tokens of each turn. tokens: int64[row], those
    of each row. last: int64[row], the place of the last token that has a turn; -1 without one.
    fits: whether what was read is as it has to be; if it is not, the rest means nothing.
    """

    turn: Tensor
    turns: Tensor
    length: Tensor
    tokens: Tensor
    last: Tensor
    fits: bool


def smallest_dtype(turns: int) -> torch.dtype:
    """The smallest integer dtype that holds the ids of so many turns, and -1.

    >>> smallest_dtype(128), smallest_dtype(129)
    (torch.int8, torch.int16)
    """
    for dtype in (torch.int8, torch.int16, torch.int32):
        if turns <= torch.iinfo(dtype).max + 1:
            return dtype
    return torch.int64


def map_runs(mask: Tensor, *, several: bool = True) -> TurnMap:
    """The map of a mask [row token]: each run of tokens that are not 0 is a turn.

    With several=False such tokens are turn 0. `fits` says whether all values are in [0, 1].

    >>> found = map_runs(torch.tensor([[0, 1, 1, 0, 1]]))
    >>> found.turn.tolist(), found.turns.tolist(), found.length.tolist(), found.last.tolist()
    ([[-1, 0, 0, -1, 1]], [2], [[2, 1]], [4])
    """
    written = mask.detach() != 0
    run = runs_of_mask(written) if several else written.to(torch.int8) - 1
    return _mapped(run, _is_within_one(mask))


def map_ids(turn: Tensor) -> TurnMap:
    """The map of turn ids int[row token]; a row has as many turns as its largest id says.

    `fits` says whether ids are -1 or more and never go back along a row. Lengths are not counted:
    an id may be large where nobody reads them (`keep_trained` counts them).

    >>> found = map_ids(torch.tensor([[-1, 0, 2, 2]]))
    >>> found.turns.tolist(), found.tokens.tolist(), found.fits
    ([3], [3], True)
    """
    ids = turn.detach().to(torch.int64)
    highest = torch.cummax(ids, 1).values if ids.numel() else ids
    fits = not bool(((ids < -1) | ((ids >= 0) & (ids < highest))).any())
    return _mapped(ids if fits else torch.full_like(ids, -1), fits, counted=False)


def keep_trained(turn: Tensor, mask: Tensor) -> TurnMap:
    """A map [row token] without the tokens where `mask` is 0, with as many turns in each row.

    `fits` says whether all values of the mask are in [0, 1], and 0 where there is no turn.

    >>> found = keep_trained(torch.tensor([[0, 0, 1, -1]]), torch.tensor([[1, 0, 0, 0]]))
    >>> found.turn.tolist(), found.length.tolist(), found.turns.tolist()
    ([[0, -1, -1, -1]], [[1, 0]], [2])
    """
    trained = mask.detach() != 0
    fits = _is_within_one(mask) and not bool((trained & (turn < 0)).any())
    found = _mapped(turn.where(trained, -1), fits)
    whole = _mapped(turn, True)
    length = torch.zeros_like(whole.length)
    length[:, : found.length.shape[1]] = found.length
    return found._replace(turn=found.turn.to(turn.dtype), turns=whole.turns, length=length)


def place_turns(turn: Tensor, base: Tensor, taken: Tensor, turns: int) -> Tensor:
    """A map [row token] whose rows begin at turn `base` int[row], of `turns` turns in all.

    Rows that are not `taken`, bool[row], have no turn.

    >>> turn = torch.tensor([[0, -1, 1], [0, 0, 0]])
    >>> place_turns(turn, torch.tensor([2, 0]), torch.tensor([True, False]), 4).tolist()
    [[2, -1, 3], [-1, -1, -1]]
    """
    kind = smallest_dtype(turns)
    moved = torch.where((turn >= 0) & taken[:, None], turn + base[:, None], -1)
    return moved.to(kind)


def rewards_of_turns(reward: Tensor, turn: Tensor, turns: int) -> Tensor:
    """float64[row turn]: the sum of `reward` [row token] over the tokens of each turn.

    A reward on a token without a turn counts for the turn before it, and before the first turn for
    turn 0; NaN there is no reward.

    >>> reward = torch.tensor([[0.5, 0.0, 0.25, 0.0, 1.0]])
    >>> rewards_of_turns(reward, torch.tensor([[-1, 0, -1, 1, -1]]), 2)
    tensor([[0.7500, 1.0000]], dtype=torch.float64)
    """
    x = wide(reward.detach())
    total = x.new_zeros(len(turn), turns)
    if not turn.numel():
        return total
    owner = turn.to(torch.int64).cummax(1).values.clamp(min=0)
    return total.scatter_add(1, owner, x.masked_fill(x.isnan() & (turn < 0), 0.0))


def row_sums(x: Tensor) -> Tensor:
    """float64[row]: the sum of `x` [row token]. On a CPU it is added from left to right.

    So padding changes no bit.

    >>> row_sums(torch.tensor([[0.5, 0.25]]))
    tensor([0.7500], dtype=torch.float64)
    """
    dtype = wide(x[:0].detach()).dtype
    if x.device.type != "cpu" or not x.shape[1]:
        return x.detach().sum(1, dtype=dtype)
    return torch.cumsum(x.detach(), 1, dtype=dtype)[:, -1].clone()


def _is_within_one(mask: Tensor) -> bool:
    """Whether all values are in [0, 1]; NaN is not."""
    if mask.dtype is torch.bool or not mask.numel():
        return True
    low, high = torch.aminmax(mask.detach())
    return bool((low >= 0) & (high <= 1))


def _mapped(run: Tensor, fits: bool, *, counted: bool = True) -> TurnMap:
    rows, width = run.shape
    last = run.new_full((rows,), -1, dtype=torch.int64)
    if width:
        position = torch.arange(width, device=run.device)
        last = torch.where(run >= 0, position, -1).amax(1)
    count = torch.nn.functional.pad(run, (1, 0), value=-1).amax(1).to(torch.int64) + 1
    turns = int(count.max()) if rows else 0
    tokens, small = (run >= 0).sum(1), run.to(smallest_dtype(turns))
    if not counted:
        return TurnMap(small, count, tokens.new_zeros(rows, 0), tokens, last, fits)
    # Column 0 takes the tokens without a turn, and is dropped.
    cell = run.to(torch.int64).clamp(min=-1) + 1
    length = cell.new_zeros(rows, turns + 1).scatter_add(1, cell, torch.ones_like(cell))[:, 1:]
    return TurnMap(small, count, length.contiguous(), tokens, last, fits)
