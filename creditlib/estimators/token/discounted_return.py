"""Discounted returns over the tokens that the policy wrote."""

from __future__ import annotations

from creditlib.ops import returns
from creditlib.ops.precision import as_float
from creditlib.ops.tokens.reference import check_layout
from creditlib.vocabulary import (
    Backend,
    Gamma,
    Offsets,
    Out,
    Present,
    TokenReturns,
    TokenReward,
    Turn,
)
from creditlib.vocabulary.contract import checked
from creditlib.vocabulary.out import check_out

__all__ = ["discounted_return"]


@checked
def discounted_return(
    *,
    token_reward: TokenReward,
    turn: Turn,
    gamma: Gamma,
    present: Present | None = None,
    offsets: Offsets | None = None,
    out: Out | None = None,
    backend: Backend = "auto",
) -> TokenReturns:
    """The rewards still to come, discounted per token the policy wrote.

        G[t] = r[t] + gamma · G[n];  n is the next token the policy wrote

    Prompt, tool output and padding are skipped and never discounted; a reward put there counts as
    in `gae`.

    Degenerate cases: a row without written tokens is all 0. Exactly 0 where turn is -1.

    Source: Williams 1992. Gaps are skipped as in verl's REINFORCE++.

    >>> import torch
    >>> reward, turn = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0, -1, 1]])
    >>> discounted_return(token_reward=reward, turn=turn, gamma=0.5)
    tensor([[0.5000, 0.0000, 1.0000]])
    """
    check_layout("discounted_return", turn, offsets)
    check_out("discounted_return", turn, as_float(token_reward[:0]).dtype, out)
    return returns.token_returns(
        token_reward, turn, gamma=gamma, present=present, offsets=offsets, out=out, backend=backend
    )
