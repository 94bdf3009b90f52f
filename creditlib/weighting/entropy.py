"""Weights that move credit to the turns the policy was sure of."""

from __future__ import annotations

from typing import Annotated, Literal

import torch

from creditlib.algebra import conserved, group_max, valid_turns, wide
from creditlib.vocabulary import (
    ArgumentSpec,
    Backend,
    Factor,
    Group,
    NonNegative,
    TurnCount,
    TurnEntropy,
    Valid,
)
from creditlib.vocabulary.contract import checked

__all__ = ["entropy_weight"]

Scope = Annotated[
    Literal["group", "batch"],
    ArgumentSpec("the turns that entropies are compared in and whose weights have mean 1"),
]


@checked
def entropy_weight(
    *,
    turn_entropy: TurnEntropy,
    turn_count: TurnCount,
    group: Group | None = None,
    valid: Valid | None = None,
    strength: NonNegative = 1.0,
    conserve: Scope = "group",
    backend: Backend = "auto",
) -> Factor:
    """A weight that falls with the entropy of a turn; the total stays.

        w[i,k] = x[i,k] / mean(x);  x[i,k] = exp(−strength · n[i,k])
        n[i,k] = (H[i,k] − min H) / (max H − min H), 0 where all are equal

    H is `turn_entropy`, the mean entropy of the tokens of a turn:
    `turn_sum(entropy, turn, turns) / layouts.turn_length(turn, turns).clamp(min=1)`. Minimum,
    maximum and mean are those of the turns of the group. Multiply credit by it.

    Options:
        strength: how much less the most uncertain turn counts than the surest one: by the factor
            exp(−strength). At 0 all weights are exactly 1.
        conserve: the turns whose weights have the mean 1: those of each group (without `group` all
            rows are one), or those of the batch (`group` is not read).

    Degenerate cases: equal entropies and the only turn of a group give exactly 1. Turns past
    `turn_count` and excluded rows get 0.

    Source: AEM 2026, arXiv:2605.00425, by its equation as a secondary text gives it; EMPG 2025,
    arXiv:2509.09265, has this form over the batch.
    Differs from it: the authors' strength is not known, and 1 is the default here. EMPG's bonus for
    the clarity of what follows is no part of it.

    >>> import torch
    >>> entropy = torch.tensor([[0.1, 0.3], [0.5, 0.1]])
    >>> entropy_weight(turn_entropy=entropy, turn_count=torch.tensor([2, 2]))
    tensor([[1.3448, 0.8157],
            [0.4947, 1.3448]])
    """
    where = valid_turns(turn_count, turn_entropy.shape[1], valid)
    x = torch.where(where, wide(turn_entropy), 0.0)
    keys = (group,) if conserve == "group" and group is not None else ()
    flat = [key[:, None].expand_as(x).flatten() for key in keys]
    highest, lowest = (
        sign * group_max(sign * x.flatten(), *flat, where=where.flatten(), backend=backend)
        for sign in (1, -1)
    )
    gap = (highest - lowest).view_as(x)
    place = torch.where(where & (gap > 0), (x - lowest.view_as(x)) / gap, 0.0)
    return conserved(torch.exp(-strength * place), *keys, where=where, backend=backend)
