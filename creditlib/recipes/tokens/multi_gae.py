"""GAE under several discounts at once: values at several horizons, action on the longest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch

from creditlib.estimators import gae
from creditlib.vocabulary import (
    ArgumentSpec,
    Bootstraps,
    Lam,
    Offsets,
    Present,
    TimescaleAdvantageAndReturns,
    TokenReward,
    Turn,
    Values,
)
from creditlib.vocabulary.contract import checked, contract_error

__all__ = ["multi_gae"]

Gammas = Annotated[Sequence[float], ArgumentSpec("the discounts, one for each timescale")]


@checked
def multi_gae(
    *,
    token_reward: TokenReward,
    values: Values,
    turn: Turn,
    gammas: Gammas = (0.5, 0.9, 0.99, 0.999),
    lam: Lam = 0.95,
    bootstraps: Bootstraps | None = None,
    present: Present | None = None,
    offsets: Offsets | None = None,
) -> TimescaleAdvantageAndReturns:
    """(advantages, returns) of a critic with one value for each discount.

        advantages[i,t,m], returns[i,t,m] = gae(value = values[i,t,m], gamma = gammas[m])

    The actor takes `advantages[..., -1]`, those of the longest horizon; the critic learns all
    returns. Routing by the error of the values, softmax(−|values − returns| / 10) over timescales,
    is the failure that the paper shows; it is one line and no function.

    Degenerate cases: those of `gae`, for each timescale.

    Errors: `gammas` are not as many as the timescales of `values`.

    Source: Representation over Routing 2026, arXiv:2604.13517 (target decoupling); the authors'
    code blocks were run.

    >>> import torch
    >>> advantages, returns = multi_gae(
    ...     token_reward=torch.tensor([[0.0, 1.0]]),
    ...     values=torch.zeros(1, 2, 2),
    ...     turn=torch.tensor([[0, 0]]),
    ...     gammas=(0.5, 1.0),
    ...     lam=1.0,
    ... )
    >>> advantages
    tensor([[[0.5000, 1.0000],
             [1.0000, 1.0000]]])
    """
    if len(gammas) != values.shape[-1]:
        wanted = f"one number for each of the {values.shape[-1]} timescales of `values`"
        raise contract_error("multi_gae", "gammas", wanted, f"{len(gammas)}")
    found = [
        gae(
            token_reward=token_reward, value=values[..., place].contiguous(), turn=turn,
            gamma=gamma, lam=lam, present=present, offsets=offsets,
            bootstrap=None if bootstraps is None else bootstraps[:, place].contiguous(),
        )
        for place, gamma in enumerate(gammas)
    ]  # fmt: skip
    advantages, returns = zip(*found, strict=True)
    return torch.stack(advantages, -1), torch.stack(returns, -1)
