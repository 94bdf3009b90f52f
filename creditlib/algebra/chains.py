"""Ids of chains: turns that share not only a state but also the states before it."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.ops import groups

__all__ = ["window_ids"]


def window_ids(
    ids: Tensor, where: Tensor, size: int, *, backend: str = "auto"
) -> tuple[Tensor, Tensor]:
    """(window, known): ids that are equal where the last `size` ids of a row are equal.

        window[i,k] = window[j,m]  iff  ids[i,k−s] = ids[j,m−s] for s = 0 … size − 1
        known[i,k]  = the row has `size` turns up to k, all selected, none with a negative id

    `ids` is int[batch turn], such as `anchor`, and `where` is bool[batch turn]. A window never
    crosses the start of a row. The ids of windows that are not known mean nothing. `backend` is
    that of `relative`.

    >>> anchor, where = torch.tensor([[5, 6, 7], [4, 6, 7]]), torch.tensor([[True] * 3] * 2)
    >>> window, known = window_ids(anchor, where, 2)
    >>> known.tolist()
    [[False, True, True], [False, True, True]]
    >>> (window[0] == window[1]).tolist()  # 5, 6 is not 4, 6; 6, 7 is 6, 7
    [False, False, True]
    """
    known = where & (ids >= 0)
    window, before, present = ids, ids, known
    for _ in range(size - 1):
        before, present = _earlier(before, -1), _earlier(present, False)
        window = groups.dense(window.reshape(-1), before.reshape(-1), backend=backend)
        window, known = window.view(ids.shape), known & present
    return window, known


def _earlier(x: Tensor, fill: int | bool) -> Tensor:
    """The value of the turn before, `fill` at the first one."""
    return torch.nn.functional.pad(x, (1, 0), value=fill)[:, :-1]
