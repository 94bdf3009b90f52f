"""The written tokens with the largest scores."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.inputs.layouts import rows_of
from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.precision import wide

__all__ = ["ROUNDING", "part_of", "top_mask"]

# The rounding of a product such as 0.07 · 100, which is above 7, may not take a token more.
ROUNDING = 2.0**-51


def part_of(count: Tensor, fraction: float) -> Tensor:
    """The smallest whole number that is at least `fraction` of a count.

    >>> part_of(torch.tensor([10, 5, 0]), 0.5)
    tensor([5, 3, 0])
    """
    return (wide(count) * fraction * (1.0 - ROUNDING)).ceil().to(torch.int64)


def top_mask(
    score: Tensor,
    turn: Tensor,
    fraction: float,
    whole: bool,
    offsets: Tensor | None = None,
) -> Tensor:
    """The tokens in the top `fraction` of the written ones of their row; `whole`: of all rows.

    Of equal scores the earlier token comes first.

    >>> score = torch.tensor([[1.0, 9.0, 3.0, 3.0]])
    >>> top_mask(score, torch.tensor([[0, -1, 0, 0]]), 0.5, False)
    tensor([[False, False,  True,  True]])
    """
    refuse_unordered_turns("top_fraction", turn, offsets)
    rows = 1 if whole else turn.shape[0] if offsets is None else offsets.shape[0] - 1
    # Row `rows` holds the tokens that the policy did not write.
    unit = torch.where(turn >= 0, _rows(turn, whole, offsets), rows).reshape(-1)
    order = torch.argsort(score.detach().reshape(-1), descending=True, stable=True)
    order = order[torch.argsort(unit[order], stable=True)]
    count = unit.new_zeros(rows + 1).scatter_add(0, unit, torch.ones_like(unit))
    taken = torch.nn.functional.pad(part_of(count[:rows], fraction), (0, 1))
    owner = unit[order]
    rank = torch.arange(len(order), device=turn.device) - (count.cumsum(0) - count)[owner]
    chosen = torch.zeros_like(unit, dtype=torch.bool).scatter(0, order, rank < taken[owner])
    return chosen.view(turn.shape)


def _rows(turn: Tensor, whole: bool, offsets: Tensor | None) -> Tensor:
    """The row of each token, 0 for all of them with `whole`; int64 like `turn`."""
    if whole:
        return torch.zeros_like(turn, dtype=torch.int64)
    if offsets is not None:
        return rows_of(offsets, turn.shape[0])
    return torch.arange(turn.shape[0], device=turn.device)[:, None].expand_as(turn)
