"""Credit of the parts of a choice: links between agents, tools offered, documents retrieved."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from creditlib.algebra import group_max, relative, valid_rows, wide
from creditlib.vocabulary import (
    ArgumentSpec,
    Backend,
    Ddof,
    Edge,
    EdgeCredit,
    Eps,
    Group,
    Reward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["edge_credit"]

StdOrNone = Annotated[
    Literal["std"], ArgumentSpec("the divisor: the deviation of the parts of a group, or none")
]


@checked
@breaks(
    "different_rewards_get_some_credit",
    because="a part that all rows contain has no row without it to be compared with.",
)
@breaks(
    "credit_sums_to_zero",
    because="a part counts once in the mean, however many rows contain it.",
)
@breaks(
    "better_is_never_worse",
    because="a success of its own makes the other parts of a group look worse.",
)
def edge_credit(
    *,
    reward: Reward,
    group: Group,
    edge: Edge,
    valid: Valid | None = None,
    scale: StdOrNone | None = "std",
    ddof: Ddof = 0,
    eps: Eps = 1e-6,
    backend: Backend = "auto",
) -> EdgeCredit:
    """The mean reward of the rows with a part, compared with that of the other parts.

        A[i,e] = (S[g,e] − mean) / (std + eps)  over the parts seen in the group, each once
        S[g,e] = mean reward of the rows of the group that contain part e;  g = group(i)

    For a policy that samples several sets for one prompt: graphs of agents, tools, documents. It is
    correlation and no cause: a part that always comes with a good one looks as good.

    Degenerate cases: a part that a row lacks gets 0 there. Equal rewards of a group give exactly 0,
    and so do a group of one and rows that all contain the same parts.

    Source: Graph-GRPO 2026, arXiv:2603.02701, Eq. 4 and 5. There is no official code; two secondary
    sources agree.

    >>> import torch
    >>> edge_credit(
    ...     reward=torch.tensor([1.0, 0.0]),
    ...     group=torch.tensor([0, 0]),
    ...     edge=torch.tensor([[True, True, False], [False, True, True]]),
    ...     scale=None,
    ... )
    tensor([[ 0.5000,  0.0000,  0.0000],
            [ 0.0000,  0.0000, -0.5000]])
    """
    rows, edges = edge.shape
    held = edge & valid_rows(valid, reward)[:, None]
    part = torch.arange(edges, device=group.device)[None]
    # Centred first, so that a constant group is exactly 0.
    value = relative(wide(reward), group, valid=valid, backend=backend)[:, None].expand(edge.shape)
    mean = value - relative(value, group, part, where=held, backend=backend)
    first = _first_row(group, held, backend)
    row = torch.arange(rows, device=group.device)[:, None]
    standing = relative(
        mean, group, where=held & (first == row), scale=scale, ddof=ddof, eps=eps, backend=backend
    )
    return torch.where(held, standing.gather(0, first), 0.0)


def _first_row(group: Tensor, held: Tensor, backend: str) -> Tensor:
    """The first row of the group that contains the part, itself where none does; int64."""
    rows, edges = held.shape
    row = torch.arange(rows, dtype=torch.float64, device=group.device)[:, None].expand(held.shape)
    part = torch.arange(edges, device=group.device)[None].expand(held.shape)
    keys = (group[:, None].expand(held.shape).reshape(-1), part.reshape(-1))
    first = -group_max(-row.reshape(-1), *keys, where=held.reshape(-1), backend=backend)
    return torch.where(held, first.view(held.shape), row).to(torch.int64)
