"""The value of an action above that of its state, at states that several turns start from."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from creditlib.algebra import (
    group_count,
    relative,
    returns_to_go,
    valid_rows,
    valid_turns,
    wide,
)
from creditlib.ops.fused import fused_loop
from creditlib.ops.groups import dense
from creditlib.vocabulary import (
    Action,
    Anchor,
    ArgumentSpec,
    Backend,
    Gamma,
    Group,
    Reward,
    TurnCount,
    TurnCredit,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["action_margin"]

Prior = Annotated[
    float, ArgumentSpec("turns without a margin that each action is taken to have seen", low=0)
]


@checked
@breaks(
    "different_rewards_get_some_credit",
    because="at a state with one action there is nothing to compare.",
)
@breaks(
    "credit_sums_to_zero",
    because="the margin of an action counts more the more often it was taken.",
)
def action_margin(
    *,
    reward: Reward,
    group: Group,
    anchor: Anchor,
    action: Action,
    turn_count: TurnCount,
    valid: Valid | None = None,
    gamma: Gamma = 0.9,
    prior: Prior = 0.1,
    backend: Backend = "auto",
) -> TurnCredit:
    """How much better the trajectories did that took this action at this state, discounted.

        A[i,k] = Z / (Z + prior + 1e-6) · G
        G[i,k] = g[i,k] + gamma · G[i,k+1];  Z[i,k] = b[i,k] + gamma · Z[i,k+1]
        g = b · (mean reward at this state with this action − mean reward at this state)
        b = c / (c + prior + 1e-6) where the state saw another action, else 0
        c = turns of the group with this state and this action

    It is an estimate of Q − V at states that several turns of a group start from. The fewer turns
    it rests on, the nearer it lies to 0. A state is compared inside its group.

    Degenerate cases: a state with one action has nothing to compare: g = b = 0. Equal rewards of a
    group give exactly 0, and so do a group of one, a missing anchor and a missing action. Turns
    past `turn_count` get 0.

    Source: A³ 2026, arXiv:2605.08013 (tree term); the authors' code was run.

    >>> import torch
    >>> action_margin(
    ...     reward=torch.tensor([1.0, 0.0]),
    ...     group=torch.tensor([0, 0]),
    ...     anchor=torch.tensor([[5], [5]]),
    ...     action=torch.tensor([[1], [2]]),
    ...     turn_count=torch.tensor([1, 1]),
    ...     prior=0.0,
    ... )
    tensor([[ 0.5000],
            [-0.5000]])
    """
    loop = fused_loop("action_margin", backend, reward)
    if loop is not None:
        return loop(
            reward, group, anchor, action, turn_count, valid, gamma=gamma, prior=prior, eps=_EPS
        )
    rows = valid_rows(valid, reward)
    where = valid_turns(turn_count, anchor.shape[1], valid) & (anchor >= 0) & (action >= 0)
    # Centred first, so that the rewards of a constant group are exactly 0.
    value = relative(wide(reward), group, where=rows, backend=backend)[:, None].expand(where.shape)
    rows_of = group[:, None].expand(where.shape).reshape(-1)
    state = dense(rows_of, anchor.reshape(-1), backend=backend)
    taken = dense(state, action.reshape(-1), backend=backend).view(where.shape)
    state = state.view(where.shape)
    above_state = relative(value, state, where=where, backend=backend)
    above_action = relative(value, taken, where=where, backend=backend)
    visits = _visits(state, where, backend)
    count = _visits(taken, where, backend)
    belief = count / (count + prior + _EPS)
    belief = torch.where(where & (visits > count), belief, 0.0)
    margin = belief * (above_state - above_action)
    real = valid_turns(turn_count, anchor.shape[1], valid)
    credit = returns_to_go(margin, real, gamma, backend=backend)
    seen = returns_to_go(belief, real, gamma, backend=backend)
    return seen / (seen + prior + _EPS) * credit


_EPS = 1e-6


def _visits(key: Tensor, where: Tensor, backend: str) -> Tensor:
    """The number of turns with the key of each turn."""
    count = group_count(key.reshape(-1), where=where.reshape(-1), backend=backend)
    return count.view(where.shape)
