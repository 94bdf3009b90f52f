"""V-trace over turns: advantages and targets of values for rollouts of an older policy."""

from __future__ import annotations

from typing import Annotated

import torch

from creditlib.algebra import next_turn, returns_to_go, valid_turns, wide
from creditlib.vocabulary import (
    ArgumentSpec,
    Backend,
    Bootstrap,
    Gamma,
    Lam,
    Ratio,
    TurnCount,
    TurnCreditAndReturns,
    TurnReward,
    TurnValue,
    Valid,
)
from creditlib.vocabulary.contract import checked

__all__ = ["v_trace"]

RhoMax = Annotated[float, ArgumentSpec("largest ratio that a turn's own surprise counts", low=0)]
CMax = Annotated[float, ArgumentSpec("largest ratio that later surprises are carried by", low=0)]


@checked
def v_trace(
    *,
    turn_reward: TurnReward,
    turn_value: TurnValue,
    ratio: Ratio,
    turn_count: TurnCount,
    bootstrap: Bootstrap | None = None,
    valid: Valid | None = None,
    gamma: Gamma = 1.0,
    lam: Lam = 1.0,
    rho_max: RhoMax = 1.0,
    c_max: CMax = 1.0,
    backend: Backend = "auto",
) -> TurnCreditAndReturns:
    """(advantage, target) for turns that another policy wrote, ratios cut off above.

        A[i,k] = ρ · (turn_reward[i,k] + gamma · target[i,k+1] − V[i,k]);  target = V + y
        y[i,k] = ρ · δ[i,k] + gamma · lam · min(c_max, ratio[i,k]) · y[i,k+1]
        δ[i,k] = turn_reward[i,k] + gamma · V[i,k+1] − V[i,k];  ρ = min(rho_max, ratio[i,k])
        V = turn_value; after the last turn V = target = bootstrap (or 0)

    `target` is what the critic learns. `rho_max` says whose values it learns: those of the policy
    that is trained if it is large, of one between the two policies if it is small. `c_max` bounds
    the variance alone.

    Special cases: where all ratios, rho_max and c_max are 1, `target` is the returns of `turn_gae`,
    and with lam=1 the advantage is its advantage too.

    Degenerate cases: a ratio of 0 gives no credit and a target of V. Turns past `turn_count` get 0.

    Source: Espeholt et al. 2018, arXiv:1802.01561, equation 1, over turns.

    >>> import torch
    >>> v_trace(
    ...     turn_reward=torch.tensor([[0.0, 1.0]]),
    ...     turn_value=torch.tensor([[0.0, 0.0]]),
    ...     ratio=torch.tensor([[0.5, 4.0]]),
    ...     turn_count=torch.tensor([2]),
    ... )
    (tensor([[0.5000, 1.0000]]), tensor([[0.5000, 1.0000]]))
    """
    where = valid_turns(turn_count, turn_reward.shape[1], valid)
    reward, value = (torch.where(where, wide(x), 0.0) for x in (turn_reward, turn_value))
    weight = torch.where(where, wide(ratio), 0.0)
    rho = weight.clamp(max=rho_max)
    delta = reward + gamma * next_turn(value, where, bootstrap) - value
    decay = gamma * lam * weight.clamp(max=c_max)
    target = value + returns_to_go(rho * delta, where, decay, backend=backend)
    advantage = rho * (reward + gamma * next_turn(target, where, bootstrap) - value)
    return torch.where(where, advantage, 0.0), target
