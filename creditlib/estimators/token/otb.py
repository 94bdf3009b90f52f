"""A baseline for each token place, weighted by how much the gradient there can vary."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.algebra import relative, valid_rows, wide
from creditlib.inputs.layouts import rows_of
from creditlib.ops.returns import token_returns
from creditlib.ops.tokens.reference import check_layout
from creditlib.vocabulary import (
    Advantage,
    Backend,
    Energy,
    Group,
    Lone,
    Offsets,
    Present,
    TokenReward,
    Turn,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["otb"]


@checked
@breaks(
    "credit_sums_to_zero",
    because="the mean at a place is weighted by energy.",
)
@breaks(
    "no_credit_lies_beyond_the_spread",
    because="returns from a place on differ more than the outcomes of the rows do.",
)
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="tokens are compared at equal places in their rows.",
)
@breaks(
    "constant_groups_get_nothing",
    "lone_members_get_nothing",
    "shifting_rewards_changes_nothing",
    because="a token at a place that one row reaches gets its return as it is.",
    lone="raw",
)
def otb(
    *,
    token_reward: TokenReward,
    turn: Turn,
    group: Group,
    energy: Energy,
    valid: Valid | None = None,
    present: Present | None = None,
    lone: Lone = "zero",
    offsets: Offsets | None = None,
    backend: Backend = "auto",
) -> Advantage:
    """The return of a token minus that of the group's tokens at its place, by their variance.

        A[i,t] = G[i,t] − Σ_j W[j] · G[j] / Σ_j W[j]   over the tokens j of group(i) at t's place
        G[i,t] = Σ_{s >= t} token_reward[i,s];  W[i,t] = Σ_{s <= t} energy[i,s]

    This is the baseline of the least variance among those that depend on the group and the place.
    A place is counted over the tokens that the policy wrote, so tool output moves none. `energy` is
    `1 − 2π + Σπ²`, π the probability of the token and Σπ² over the vocabulary: the squared norm of
    the score with respect to the logits. Multiply it by the squared importance weight where there
    is one. Rewards on unwritten tokens count as in `gae`.

    Options:
        lone: what a token gets at a place that no other row of the group reaches: 0, or its return.

    Degenerate cases: equal returns at a place give exactly 0. A place where all energy is 0 gives
    0: no gradient comes from there. Exactly 0 where turn is -1, and in rows that are not valid.

    Source: verl's `optimal_token_baseline` and its form for several turns; the latter was run.
    Differs from verl: a place that one row reaches gets 0 (lone="raw": its return, verl's default),
    and there is no eps.

    >>> import torch
    >>> otb(
    ...     token_reward=torch.tensor([[0.0, 1.0], [0.0, 0.0]]),
    ...     turn=torch.tensor([[0, 0], [0, -1]]),
    ...     group=torch.tensor([0, 0]),
    ...     energy=torch.tensor([[0.75, 0.5], [0.25, 0.5]]),
    ... )
    tensor([[ 0.2500,  0.0000],
            [-0.7500,  0.0000]])
    """
    check_layout("otb", turn, offsets)
    rows = valid_rows(valid, group)
    if offsets is None:
        of_token = torch.arange(len(group), device=turn.device)[:, None].expand(turn.shape)
    else:
        of_token = rows_of(offsets, turn.shape[0])
    where = (turn >= 0) & rows[of_token]
    earned = token_returns(
        wide(token_reward), turn, gamma=1.0, present=present, offsets=offsets, backend=backend
    )
    weight = _so_far(torch.where(where, wide(energy), 0.0), where, offsets, backend)
    place = _so_far(where.to(weight.dtype), where, offsets, backend)
    return relative(
        earned, group[of_token], place.to(torch.int64), where=where, weight=weight, lone=lone,
        backend=backend,
    )  # fmt: skip


def _so_far(x: Tensor, where: Tensor, offsets: Tensor | None, backend: str) -> Tensor:
    """The sum over the written tokens of a row up to each: a return of the row turned around."""
    line = torch.where(where, 0, -1).flip(-1)
    ends = None if offsets is None else offsets[-1] - offsets.flip(0)
    return token_returns(x.flip(-1), line, gamma=1.0, offsets=ends, backend=backend).flip(-1)
