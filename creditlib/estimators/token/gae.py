"""Generalized advantage estimation that skips the tokens that the policy did not write."""

from __future__ import annotations

import functools
from typing import Annotated, Literal, TypeAlias

import torch

from creditlib.ops import returns
from creditlib.ops.precision import as_float
from creditlib.ops.tokens.reference import check_layout
from creditlib.vocabulary import (
    AdvantageAndReturns,
    ArgumentSpec,
    Backend,
    Bootstrap,
    Gamma,
    Lam,
    Offsets,
    OutPair,
    Present,
    TokenReward,
    Turn,
    Value,
    VarianceEps,
    breaks,
)
from creditlib.vocabulary.contract import checked
from creditlib.vocabulary.out import check_out, out_pair

__all__ = ["gae"]

Whiten: TypeAlias = Annotated[
    Literal[False, True],
    ArgumentSpec("whether advantages are whitened over the written tokens of the batch"),
]


@checked
@breaks(
    "trajectories_may_be_computed_apart",
    because="the mean and the deviation are those of the batch.",
    whiten=True,
)
@breaks(
    "an_earlier_turn_changes_nothing_later",
    because="one more advantage changes the mean and the deviation of the batch.",
    whiten=True,
)
@breaks(
    "only_the_flag_truncates",
    because="what is divided by its deviation is not linear in `bootstrap`.",
    whiten=True,
)
@breaks(
    "better_is_never_worse",
    because="a higher advantage raises the deviation that it is divided by.",
    whiten=True,
)
def gae(
    *,
    token_reward: TokenReward,
    value: Value,
    turn: Turn,
    gamma: Gamma,
    lam: Lam,
    bootstrap: Bootstrap | None = None,
    present: Present | None = None,
    offsets: Offsets | None = None,
    whiten: Whiten = False,
    eps: VarianceEps = 1e-8,
    out: OutPair | None = None,
    backend: Backend = "auto",
) -> AdvantageAndReturns:
    """(advantage, returns): how much better a token turned out than the critic expected.

        A[t] = δ[t] + gamma · lam · A[n];  δ[t] = r[t] + gamma · V[n] − V[t];  returns = A + V
        n is the next token the policy wrote; after the last one A = 0 and V = bootstrap (or 0)
        whiten: A[t] becomes (A[t] − mean) · (variance + eps)^(−1/2); returns stay as they are

    Prompt, tool output and padding are skipped: nothing there is discounted and no value there is
    read. A reward there counts for the written token before it, or for the first written token if
    there is none before it. This holds for all tokens of packed rows, for `present` tokens, and
    between written tokens. Without `present`, a token before the first or after the last written
    token of a padded row may be padding and is not read; `check_batch` names a reward there. A NaN
    on a token that the policy did not write is no reward.

    whiten=True gives what `whiten(advantage, turn >= 0, eps=eps)` makes of the advantages, in less
    time: every written token of the batch counts once. Without it `eps` is not read.

    Special cases: lam=gamma=1, value=0 is the unwhitened `reinforce_plus_plus`.

    Degenerate cases: a row without written tokens is all 0. Exactly 0 where turn is -1. Equal
    advantages whiten to exactly 0; so do fewer than two tokens.

    Source: Schulman et al. 2016, arXiv:1506.02438.
    Differs from verl: whitening is an option, and 0 outside turns; rewards on masked tokens are not
    lost; truncated rows may bootstrap.

    >>> import torch
    >>> advantage, returns = gae(
    ...     token_reward=torch.tensor([[0.0, 0.0, 1.0]]),
    ...     value=torch.tensor([[0.25, 9.0, 0.5]]),
    ...     turn=torch.tensor([[0, -1, 1]]),
    ...     gamma=1.0,
    ...     lam=0.5,
    ... )
    >>> advantage, returns
    (tensor([[0.5000, 0.0000, 0.5000]]), tensor([[0.7500, 0.0000, 1.0000]]))
    """
    check_layout("gae", turn, offsets)
    dtype = torch.promote_types(as_float(token_reward[:0]).dtype, as_float(value[:0]).dtype)
    check_out("gae", turn, dtype, *out_pair("gae", out))
    run = functools.partial(returns.whitened_gae, eps=eps) if whiten else returns.gae
    return run(
        token_reward,
        value,
        turn,
        gamma=gamma,
        lam=lam,
        bootstrap=bootstrap,
        present=present,
        offsets=offsets,
        out=out,
        backend=backend,
    )
