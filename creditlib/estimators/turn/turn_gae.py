"""Generalized advantage estimation whose step is a turn."""

from __future__ import annotations

import torch

from creditlib.algebra import next_turn, returns_to_go, valid_turns, wide
from creditlib.ops import returns
from creditlib.vocabulary import (
    Backend,
    Bootstrap,
    Gamma,
    Lam,
    RowLam,
    TurnCount,
    TurnCreditAndReturns,
    TurnReward,
    TurnValue,
    Valid,
)
from creditlib.vocabulary.contract import checked

__all__ = ["turn_gae"]


@checked
def turn_gae(
    *,
    turn_reward: TurnReward,
    turn_value: TurnValue,
    turn_count: TurnCount,
    bootstrap: Bootstrap | None = None,
    row_lam: RowLam | None = None,
    valid: Valid | None = None,
    gamma: Gamma = 1.0,
    lam: Lam = 1.0,
    backend: Backend = "auto",
) -> TurnCreditAndReturns:
    """(advantage, returns) of GAE that steps from turn to turn: tokens take no time.

        A[i,k] = δ[i,k] + gamma · lam · A[i,k+1];  returns = A + V
        δ[i,k] = turn_reward[i,k] + gamma · V[i,k+1] − V[i,k]
        V = turn_value; after the last turn A = 0 and V = bootstrap (or 0)

    A turn that earned 0 is a turn like any other. `turn_value` comes from a critic, or is the mean
    outcome of rollouts from the start of the turn. `layouts.turn_values` makes it from a critic's
    values of tokens; trainers read them at three different tokens, which is its argument.

    Options:
        lam: the trace decay. With lam=0 the credit is the rise of the value plus the reward; with
            lam=1 it is the return minus the value.
        row_lam: the trace decay of each trajectory, a factor on `lam`. That of VAPO is
            `(1 − 1 / (alpha · turn_count)).clamp(min=0)`.

    Special cases: with one token a turn it is `gae`, bit for bit. VinePPO and SPO are lam=0,
    gamma=1 with values of rollouts. The λ-return is the second result.
    `whiten(advantage, where)`, `where` the turns that exist, counts each turn once.

    Degenerate cases: a trajectory of one turn has turn_reward − V (plus gamma · bootstrap); one
    without turns has 0. Turns past `turn_count` get 0 in both results.

    Source: Schulman et al. 2016, arXiv:1506.02438, over turns: AReaL's `gae_timestep_unit: turn`,
    HiPER 2026, arXiv:2602.16165, and VinePPO, arXiv:2410.01679; the code of the three was run.
    Differs from AReaL: a truncated row bootstraps from `bootstrap`, not from its last column.
    Differs from HiPER: nothing is whitened.
    Differs from RAGEN: a turn whose reward is 0 is a turn.

    >>> import torch
    >>> advantage, returns = turn_gae(
    ...     turn_reward=torch.tensor([[0.0, 1.0]]),
    ...     turn_value=torch.tensor([[0.25, 0.5]]),
    ...     turn_count=torch.tensor([2]),
    ...     lam=0.5,
    ... )
    >>> advantage, returns
    (tensor([[0.5000, 0.5000]]), tensor([[0.7500, 1.0000]]))
    """
    turns = turn_reward.shape[1]
    where = valid_turns(turn_count, turns, valid)
    if row_lam is None:
        # Each turn is one token of its own turn.
        line = torch.where(where, torch.arange(turns, device=where.device), -1)
        return returns.gae(
            turn_reward, turn_value, line, gamma=gamma, lam=lam, bootstrap=bootstrap,
            backend=backend,
        )  # fmt: skip
    value = torch.where(where, wide(turn_value), 0.0)
    delta = wide(turn_reward) + gamma * next_turn(value, where, bootstrap) - value
    decay = (gamma * lam * wide(row_lam))[:, None].expand(where.shape)
    advantage = returns_to_go(delta, where, decay, backend=backend)
    return advantage, advantage + value
