"""Shapley values of turns, from sampled orders of joining."""

from __future__ import annotations

import torch

from creditlib.algebra import valid_turns, wide
from creditlib.vocabulary import CoalitionValue, JoinOrder, TurnCount, TurnRewards, Valid, breaks
from creditlib.vocabulary.contract import checked

__all__ = ["shapley"]


@checked
@breaks(
    "better_is_never_worse",
    because="a coalition that is worth more leaves less to gain for the turn that joins it.",
)
def shapley(
    *,
    join_order: JoinOrder,
    coalition_value: CoalitionValue,
    turn_count: TurnCount,
    valid: Valid | None = None,
) -> TurnRewards:
    """The mean gain of a turn when it joins, over sampled orders of joining.

        r[i,k] = mean over samples s of v[i,s,p + 1] − v[i,s,p];  p = place of k in join_order[i,s]

    v is `coalition_value`: v[i,s,0] is the value without any turn, v[i,s,p] that with the first p
    of the order. The turns of a row add up to the mean of v with all turns minus v without any.
    With all orders it is the Shapley value; orders that keep blocks together give the Owen value.
    The caller scores the coalitions. Agents may take the place of turns: the axis is the same.

    Degenerate cases: turns past `turn_count` get 0, and so does a turn that joins in no order.
    Places of -1, or of a turn that does not exist, are not read. Without samples all get 0.

    Source: Shapley 1953, sampled, as in SCAR and SHARP; by equation.

    >>> import torch
    >>> shapley(
    ...     join_order=torch.tensor([[[0, 1], [1, 0]]]),
    ...     coalition_value=torch.tensor([[[0.0, 2.0, 5.0], [0.0, 1.0, 5.0]]]),
    ...     turn_count=torch.tensor([2]),
    ... )
    tensor([[3., 2.]])
    """
    rows, samples, turns = join_order.shape
    real = (join_order >= 0) & (join_order < turn_count[:, None, None])
    gain = torch.where(real, wide(coalition_value).diff(dim=2), 0.0)
    place = torch.where(real, join_order, 0).to(torch.int64)
    total = gain.new_zeros(rows, turns)
    total = total.scatter_add(1, place.flatten(1), gain.flatten(1))
    return torch.where(valid_turns(turn_count, turns, valid), total / max(samples, 1), 0.0)
