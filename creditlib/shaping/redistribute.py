"""One outcome cut into turns, by shares."""

from __future__ import annotations

from typing import Annotated, Literal

import torch

from creditlib.algebra import valid_turns, wide
from creditlib.vocabulary import ArgumentSpec, Reward, Share, TurnCount, TurnRewards, Valid
from creditlib.vocabulary.contract import checked

__all__ = ["redistribute"]

Nothing = Annotated[
    Literal["last", "zero"],
    ArgumentSpec(
        "where the outcome goes if all shares are 0: to the last turn, or nowhere, so it is lost"
    ),
]


@checked
def redistribute(
    *,
    reward: Reward,
    share: Share,
    turn_count: TurnCount,
    valid: Valid | None = None,
    nothing: Nothing = "last",
) -> TurnRewards:
    """The outcome divided among the turns in any shares; the sum over turns is the outcome.

        r[i,k] = reward[i] · share[i,k] / Σ_k share[i,k]

    Shares are those of a reward model, of a language model that was asked, of predicted step
    rewards, or 1 for equal parts. The loss of a model that predicts shares is the caller's.

    Degenerate cases: where all shares of a row are 0, the outcome is the reward of the last turn
    (nothing="zero": the row gets 0, and its outcome is lost). A row without turns has no turn for
    its reward and gets none. Turns past `turn_count` get 0.

    Source: Sotopia-RL 2025, whose functions were run, and by the same equation RED, LaRe and
    SPA-RL.
    Differs from Sotopia-RL: an outcome without shares is kept (`presets.SOTOPIA_NORMALISED`
    restores the loss).

    >>> import torch
    >>> redistribute(
    ...     reward=torch.tensor([2.0, 3.0]),
    ...     share=torch.tensor([[3.0, 1.0], [0.0, 0.0]]),
    ...     turn_count=torch.tensor([2, 2]),
    ... )
    tensor([[1.5000, 0.5000],
            [0.0000, 3.0000]])
    """
    turns = share.shape[1]
    where = valid_turns(turn_count, turns, valid)
    part = torch.where(where, wide(share), 0.0)
    total = part.sum(1, keepdim=True)
    last = where & ~valid_turns(turn_count - 1, turns, valid)
    otherwise = wide(last) if nothing == "last" else torch.zeros_like(part)
    part = torch.where(total > 0, part / torch.where(total > 0, total, 1.0), otherwise)
    return torch.where(where, wide(reward)[:, None] * part, 0.0)
