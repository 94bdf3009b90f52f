"""GAE over turns first, then GAE inside each turn towards its return."""

from __future__ import annotations

from creditlib.algebra import to_tokens
from creditlib.estimators import turn_gae, two_level_gae
from creditlib.inputs.layouts import turn_ends, turn_values
from creditlib.vocabulary import (
    Backend,
    Gamma,
    Lam,
    Turn,
    TurnAdvantageAndReturns,
    TurnCount,
    TurnReward,
    Value,
)
from creditlib.vocabulary.contract import checked

__all__ = ["bi_level_gae"]


@checked
def bi_level_gae(
    *,
    turn_reward: TurnReward,
    value: Value,
    turn: Turn,
    turn_count: TurnCount,
    gamma: Gamma = 1.0,
    lam: Lam = 1.0,
    turn_gamma: Gamma = 1.0,
    backend: Backend = "auto",
) -> TurnAdvantageAndReturns:
    """(advantage, returns) of the tokens: the return of a turn is what its tokens earn.

        R[i,k] = returns of turn_gae with gamma = turn_gamma and V = value at a turn's last token
        (A, returns)[i,t] = two_level_gae, every turn an episode that earns R at its last token

    Special cases: with one token a turn and gamma=lam=1 the advantage is that of `turn_gae`.

    Degenerate cases: a turn that earned 0 is a turn. Tokens with turn -1 get 0.

    Source: RAGEN, and VAGEN 2025, arXiv:2510.16907; RAGEN's code was run.
    Differs from RAGEN: turns come from `turn`, not from rewards that are not 0; whitening is apart.

    >>> import torch
    >>> advantage, _ = bi_level_gae(
    ...     turn_reward=torch.tensor([[0.0, 1.0]]),
    ...     value=torch.tensor([[0.5, 0.25, 0.5]]),
    ...     turn=torch.tensor([[0, 0, 1]]),
    ...     turn_count=torch.tensor([2]),
    ... )
    >>> advantage
    tensor([[0.5000, 0.7500, 0.5000]])
    """
    last = turn_values(value, turn, turn_reward.shape[1], at="last")
    _, returns = turn_gae(
        turn_reward=turn_reward, turn_value=last, turn_count=turn_count, gamma=turn_gamma, lam=lam,
        backend=backend,
    )  # fmt: skip
    at_end = to_tokens(returns, turn, weight=turn_ends(turn).to(returns.dtype), backend=backend)
    return two_level_gae(
        token_reward=at_end, value=value, turn=turn, gamma=gamma, lam=lam, restart=True,
        backend=backend,
    )  # fmt: skip
