"""REINFORCE++: discounted returns whitened over the tokens of the batch."""

from __future__ import annotations

from creditlib.ops import returns
from creditlib.ops.precision import as_float
from creditlib.ops.tokens.reference import check_layout
from creditlib.vocabulary import (
    Backend,
    Gamma,
    Offsets,
    OutPair,
    Present,
    TokenReward,
    Turn,
    VarianceEps,
    WhitenedAdvantageAndReturns,
    breaks,
)
from creditlib.vocabulary.contract import checked
from creditlib.vocabulary.out import check_out, out_pair

__all__ = ["reinforce_plus_plus"]


@checked
@breaks("trajectories_may_be_computed_apart", because="returns are whitened over the batch.")
@breaks(
    "an_earlier_turn_changes_nothing_later",
    because="one more return changes the mean and the deviation of the batch.",
)
@breaks(
    "better_is_never_worse", because="a higher return raises the deviation that it is divided by."
)
def reinforce_plus_plus(
    *,
    token_reward: TokenReward,
    turn: Turn,
    gamma: Gamma = 1.0,
    present: Present | None = None,
    offsets: Offsets | None = None,
    eps: VarianceEps = 1e-8,
    out: OutPair | None = None,
    backend: Backend = "auto",
) -> WhitenedAdvantageAndReturns:
    """(advantage, returns): discounted returns, whitened over all written tokens of the batch.

        returns = discounted_return(...);  A[t] = (returns[t] − mean) · (variance + eps)^(−1/2)

    Every token counts once, so long trajectories weigh more. A KL penalty belongs in
    `token_reward`.

    Degenerate cases: equal returns give exactly 0; so do fewer than two tokens.

    Source: Hu et al. 2025, arXiv:2501.03262.
    Differs from older code: tool output neither ends a return nor receives one.

    >>> import torch
    >>> reward, turn = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0, -1, 1]])
    >>> advantage, returns = reinforce_plus_plus(token_reward=reward, turn=turn, gamma=0.5)
    >>> advantage
    tensor([[-0.7071,  0.0000,  0.7071]])
    """
    check_layout("reinforce_plus_plus", turn, offsets)
    dtype = as_float(token_reward[:0]).dtype
    check_out("reinforce_plus_plus", turn, dtype, *out_pair("reinforce_plus_plus", out))
    return returns.whitened_returns(
        token_reward,
        turn,
        gamma=gamma,
        eps=eps,
        present=present,
        offsets=offsets,
        out=out,
        backend=backend,
    )
