"""Ranks among peers: the cheapest gets the most of a band."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.algebra.peers import group_max
from creditlib.ops.groups.reference import dense
from creditlib.ops.precision import wide

__all__ = ["rank_band"]


def rank_band(x: Tensor, *by: Tensor, where: Tensor, low: float, high: float) -> Tensor:
    """A number between `high` and `low` by the rank of a row among its peers, the smallest first.

        result[i] = high − (high − low) · r[i] / (M − 1)
        r[i] = distinct values of the peers below x[i];  M = distinct values of the peers

    The peers of a row are the selected rows with equal keys `by`.

    Args:
        x: float[batch] or float[batch criterion]; what rows are ranked by. The first criterion
            decides, and each later one among equals.
        by: int[batch]; keys: rows with equal keys are peers.
        where: bool[batch]; the rows that take part.
        low: the number of the largest value.
        high: the number of the smallest value.

    Degenerate cases: equal values get equal numbers. Where M is 1, the result is `high`. Rows that
    are not selected get 0 and change no other.

    >>> x, where = torch.tensor([3.0, 1.0, 1.0, 9.0]), torch.tensor([True] * 4)
    >>> rank_band(x, torch.tensor([0, 0, 0, 1]), where=where, low=0.0, high=1.0)
    tensor([0., 1., 1., 1.], dtype=torch.float64)
    """
    criteria = x.unbind(1) if x.ndim == 2 else (x,)
    # The reference gives ranks in order; selected rows come first among the keys, without gaps.
    place = wide(dense((~where).to(torch.int64), *by, *criteria))
    first = -group_max(-place, *by, where=where)
    last = group_max(place, *by, where=where)
    rank = torch.where(where, place - first, 0.0)
    most = torch.where(where, last - first, 0.0)
    share = rank / torch.where(most > 0, most, 1.0)
    return torch.where(where, high - (high - low) * share, 0.0)
