"""The margin between two centroids, for vectors too many to copy.

Rows are read in blocks of a fixed size, those that take part first: the bits of a result do not
depend on the rows that do not, and no more than a block is held in addition to the input.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from creditlib.ops.precision import wide

__all__ = ["two_sided_margin"]

_BLOCK = 1024
_FLOOR = 1e-8  # of a sum of masses and of a variance


class _Rows(NamedTuple):
    """The rows that take part, first and in order, then others up to a whole block.

    hidden: [… feature]. at: the row of each place, counted over the axes of `shape`. taken: whether
    it takes part. scale, weight: its scale and |mass|, 0 for others. side: 0 for mass above 0.
    """

    hidden: Tensor
    shape: torch.Size
    at: Tensor
    taken: Tensor
    scale: Tensor
    weight: Tensor
    side: Tensor

    def blocks(self) -> Iterator[Tensor]:
        """The vectors, block by block, 0 for rows that do not take part; they may be NaN there."""
        for at, taken in zip(self.at.split(_BLOCK), self.taken.split(_BLOCK), strict=True):
            own = wide(self.hidden[torch.unravel_index(at, self.shape)])
            yield own.masked_fill_(~taken[:, None], 0.0)

    def total(self, x: Tensor) -> Tensor:
        """The sum of x over each side, [2]."""
        return x.new_zeros(2).index_add(0, self.side, x)


def two_sided_margin(
    hidden: Tensor, scale: Tensor, mass: Tensor, where: Tensor, *, passes: int = 1
) -> Tensor:
    """How much nearer a vector is to the centroid of its own side, in deviations of its side.

        v[t] = scale[t] · hidden[t]
        m[t] = |v[t] − μ of the other side|² − |v[t] − μ of the own side|²;  result m / γ
        μ+ = Σ w·v / Σ w over the side mass > 0, with w = |mass|;  μ− over the side mass < 0
        a pass: γ = the deviation of m over the side;  w = |mass| · σ(m / γ);  new μ, new m

    `hidden` is [row feature], the other tensors are [row], and the result is float64[row]; several
    axes may stand for `row`. Rows without mass and rows that are not selected are on no side: they
    get 0 and change nothing.

    The squares |v|² cancel: m = ±(2 v·(μ+ − μ−) + |μ−|² − |μ+|²). `hidden` is read 2 · (passes + 1)
    times and never copied as a whole. γ is that from before the last move of the centroids.

    Degenerate cases: the centroid of an empty side is 0. Sums below 1e-8 and variances below 1e-8
    count as 1e-8.

    >>> hidden = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
    >>> one, both = torch.ones(3), torch.tensor([True] * 3)
    >>> two_sided_margin(hidden, one, torch.tensor([1.0, 1.0, -1.0]), both, passes=0)
    tensor([2.5000e-01, 2.2500e+00, 5.0000e+04], dtype=torch.float64)
    """
    rows = _rows(hidden, scale, mass, where)
    margin = _margin(rows, rows.weight)
    spread = _deviation(rows, margin)
    for left in reversed(range(passes)):
        margin = _margin(rows, torch.sigmoid(margin / spread).mul_(rows.weight))
        if left:  # the next pass; the last one keeps the spread that it started from
            spread = _deviation(rows, margin)
    found = torch.where(rows.taken, margin / spread, 0.0)
    # Places past the last row name row 0, and add 0 to it.
    return found.new_zeros(where.numel()).index_add(0, rows.at, found).view(where.shape)


def _rows(hidden: Tensor, scale: Tensor, mass: Tensor, where: Tensor) -> _Rows:
    """The rows of a call, padded to whole blocks."""
    shape, where = where.shape, (where & (mass != 0)).flatten()
    at = torch.argsort(~where, stable=True)
    at = torch.nn.functional.pad(at, (0, -len(at) % _BLOCK))
    taken = torch.arange(len(at), device=at.device) < where.sum()
    if not len(where):
        at, taken = at[:0], taken[:0]
    scale, mass = (torch.where(taken, wide(x).flatten()[at], 0.0) for x in (scale, mass))
    return _Rows(hidden, shape, at, taken, scale, mass.abs(), (mass <= 0).to(torch.int64))


def _margin(rows: _Rows, weight: Tensor) -> Tensor:
    """The margin of each place to the centroids under these weights."""
    shares = (weight * rows.scale).split(_BLOCK)
    total = weight.new_zeros(rows.hidden.shape[-1], 2)
    for block, share, side in zip(rows.blocks(), shares, rows.side.split(_BLOCK), strict=True):
        total = total + block.T @ torch.stack([share * (1 - side), share * side], 1)
    centroid = total / rows.total(weight).clamp(min=_FLOOR)
    between = centroid[:, 0] - centroid[:, 1]
    square = centroid.square().sum(0)
    found = torch.empty_like(weight)
    for block, own in zip(rows.blocks(), found.split(_BLOCK), strict=True):
        torch.mv(block, 2 * between, out=own)
    found.mul_(rows.scale).add_(square[1] - square[0])
    return found.mul_(1 - 2 * rows.side)


def _deviation(rows: _Rows, margin: Tensor) -> Tensor:
    """The population deviation of the margin over the side of each place."""
    taken = rows.taken.to(margin.dtype)
    count = rows.total(taken).clamp(min=1)
    mean = rows.total(taken * margin) / count
    gap = (margin - mean[rows.side]).mul_(taken)
    return (rows.total(gap.square_()) / count).clamp(min=_FLOOR).sqrt()[rows.side]
