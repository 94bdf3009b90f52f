"""Ids of chains: turns that share not only a state but also the states before it."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.ops import groups

__all__ = ["prefix_ids", "window_ids"]


def window_ids(
    ids: Tensor, where: Tensor, size: int, *, backend: str = "auto"
) -> tuple[Tensor, Tensor]:
    """(window, known): ids that are equal where the last `size` ids of a row are equal.

        window[i,k] = window[j,m]  iff  ids[i,k−s] = ids[j,m−s] for s = 0 … size − 1
        known[i,k]  = the row has `size` turns up to k, all selected, none with a negative id

    A window never crosses the start of a row. The ids of windows that are not known mean nothing.

    Args:
        ids: int[batch turn]; an id of each turn, such as `anchor`; negative = none.
        where: bool[batch turn]; the turns that take part, such as `valid_turns(turn_count, turns,
            valid)`.
        size: the number of turns in a window, at least 1.
        backend: "auto" (triton on CUDA, numba on a CPU if installed, else torch), "torch",
            "numba" or "triton".

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


def prefix_ids(ids: Tensor, *by: Tensor, where: Tensor, backend: str = "auto") -> Tensor:
    """Ids that are equal where the rows agree in the keys `by` and in all ids up to the turn.

        prefix[i,k] = prefix[j,m]  iff  k = m, by[i] = by[j] and ids[i,s] = ids[j,s] for s = 0 … k

    The turns of a tree are grouped by it: turns with equal ids are one node. The result is
    int64[batch turn]; those of turn k lie in k · batch … (k + 1) · batch − 1, and it is −1 where
    `where` is False. The ids of a turn that is not selected, and of those after it, change no
    other.

    Args:
        ids: int[batch turn]; an id of each turn, any integers, such as `node`.
        by: int[batch]; keys of rows, such as `group`.
        where: bool[batch turn]; the turns that take part, such as `valid_turns(turn_count, turns,
            valid)`.
        backend: "auto" (triton on CUDA, numba on a CPU if installed, else torch), "torch",
            "numba" or "triton".

    >>> node, group = torch.tensor([[5, 7], [5, 8], [6, 7]]), torch.tensor([0, 0, 0])
    >>> prefix_ids(node, group, where=torch.ones(3, 2, dtype=torch.bool)).tolist()
    [[0, 3], [0, 4], [1, 5]]
    """
    rows = ids.shape[0]
    index = groups.dense(*by, backend=backend) if by else ids.new_zeros(rows, dtype=torch.int64)
    found: list[Tensor] = []
    for k, column in enumerate(ids.t().contiguous()):
        index = groups.dense(index, column, backend=backend)
        found.append(index + k * rows)
    if not found:
        return ids.to(torch.int64)
    return torch.where(where, torch.stack(found, 1), -1)


def _earlier(x: Tensor, fill: int | bool) -> Tensor:
    """The value of the turn before, `fill` at the first one."""
    return torch.nn.functional.pad(x, (1, 0), value=fill)[:, :-1]
