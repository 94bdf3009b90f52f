"""GAE over tokens with discounts of its own from one turn to the next."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import torch

from creditlib.ops import two_level
from creditlib.ops.precision import as_float
from creditlib.ops.tokens.reference import check_layout
from creditlib.vocabulary import (
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
    TurnAdvantageAndReturns,
    Value,
)
from creditlib.vocabulary.contract import checked
from creditlib.vocabulary.out import check_out, out_pair

__all__ = ["two_level_gae"]

Restart: TypeAlias = Annotated[
    Literal[False, True], ArgumentSpec("whether every turn is an episode of its own")
]


@checked
def two_level_gae(
    *,
    token_reward: TokenReward,
    value: Value,
    turn: Turn,
    gamma: Gamma,
    lam: Lam,
    turn_gamma: Gamma = 1.0,
    turn_lam: Lam = 1.0,
    restart: Restart = False,
    bootstrap: Bootstrap | None = None,
    present: Present | None = None,
    offsets: Offsets | None = None,
    out: OutPair | None = None,
    backend: Backend = "auto",
) -> TurnAdvantageAndReturns:
    """(advantage, returns) of GAE with one discount inside a turn and another between turns.

        A[t] = δ[t] + g · l · A[n];  δ[t] = r[t] + g · V[n] − V[t];  returns = A + V
        n is the next token the policy wrote; after the last one A = 0 and V = bootstrap (or 0)
        g, l = gamma, lam where n is of the same turn, else turn_gamma, turn_lam

    So the horizon over turns does not depend on how many tokens a turn has. What the policy did not
    write is treated as in `gae`.

    Options:
        turn_gamma: the discount from a turn's last token on, also to the bootstrap.
        turn_lam: the trace decay from a turn's last token on, also to the bootstrap.
        restart: True makes every turn an episode of its own: A and V are 0 after its last token,
            and `turn_gamma` and `turn_lam` are not read. Only the row's last turn has the
            bootstrap, at the discount gamma.

    Special cases: with turn_gamma=gamma and turn_lam=lam it is `gae`. The recipe `bi_level_gae` is
    `turn_gae`, whose returns are the rewards of turns that restart.

    Degenerate cases: a row without written tokens is all 0. Exactly 0 where turn is -1.

    Source: Verlog 2025, the dual-discount GAE; the authors' code was run.
    Differs from it: whitening is apart, and tool output takes no time.

    >>> import torch
    >>> rates = {"gamma": 1.0, "lam": 1.0, "turn_gamma": 0.5}
    >>> batch = {"token_reward": torch.tensor([[0.0, 0.0, 1.0]]), "value": torch.zeros(1, 3)}
    >>> advantage, _ = two_level_gae(**batch, turn=torch.tensor([[0, 0, 1]]), **rates)
    >>> advantage
    tensor([[0.5000, 0.5000, 1.0000]])
    """
    check_layout("two_level_gae", turn, offsets)
    dtype = torch.promote_types(as_float(token_reward[:0]).dtype, as_float(value[:0]).dtype)
    check_out("two_level_gae", turn, dtype, *out_pair("two_level_gae", out))
    return two_level.two_level_gae(
        token_reward,
        value,
        turn,
        gamma=gamma,
        lam=lam,
        turn_gamma=turn_gamma,
        turn_lam=turn_lam,
        restart=restart,
        bootstrap=bootstrap,
        present=present,
        offsets=offsets,
        out=out,
        backend=backend,
    )
