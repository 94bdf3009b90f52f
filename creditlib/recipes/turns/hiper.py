"""HiPER: credit for the actions inside a subgoal, and for the choice of subgoals, each whitened."""

from __future__ import annotations

from typing import Any

import torch

from creditlib.algebra import relative, valid_turns, wide
from creditlib.estimators import hierarchical_gae
from creditlib.vocabulary import (
    Bootstrap,
    Eps,
    Gamma,
    Lam,
    SegmentValue,
    Starts,
    TurnCount,
    TurnCreditPair,
    TurnReward,
    TurnValue,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["hiper"]


@checked
@breaks(
    "trajectories_may_be_computed_apart",
    because="the mean and the deviation are those of the batch.",
)
@breaks(
    "an_earlier_turn_changes_nothing_later",
    because="one more turn changes the mean and the deviation, and where segments start.",
)
def hiper(
    *,
    turn_reward: TurnReward,
    turn_value: TurnValue,
    segment_value: SegmentValue,
    starts: Starts,
    turn_count: TurnCount,
    bootstrap: Bootstrap | None = None,
    valid: Valid | None = None,
    gamma: Gamma = 0.99,
    lam_turn: Lam = 0.95,
    lam_segment: Lam = 0.95,
    eps: Eps = 1e-8,
) -> TurnCreditPair:
    """(turn credit, segment credit) of `hierarchical_gae`, each z-scored over the batch.

        (A − mean) / (std + eps)   over all turns; over the turns that start a segment

    The std is that of the population. Put the first on the tokens that act, and the second on those
    that keep, switch or name the subgoal. Penalties for switching are rewards of the caller.

    Options:
        lam_turn: trace decay λ of GAE from turn to turn inside a segment.
        lam_segment: trace decay λ of GAE from segment to segment.

    Degenerate cases: equal credits give exactly 0. Turns past `turn_count` get 0.

    Source: HiPER 2026, arXiv:2602.16165; the authors' code was restated.
    Differs from it: a turn counts once, whether or not it has tokens of the kind.

    >>> import torch
    >>> hiper(
    ...     turn_reward=torch.tensor([[0.0, 1.0], [0.0, 0.0]]),
    ...     turn_value=torch.zeros(2, 2),
    ...     segment_value=torch.zeros(2, 2),
    ...     starts=torch.tensor([[True, False], [True, False]]),
    ...     turn_count=torch.tensor([2, 2]),
    ...     gamma=1.0,
    ...     lam_turn=1.0,
    ... )
    (tensor([[ 1.,  1.],
            [-1., -1.]]), tensor([[ 1.,  0.],
            [-1.,  0.]]))
    """
    turn, segment = hierarchical_gae(
        turn_reward=turn_reward, turn_value=turn_value, segment_value=segment_value, starts=starts,
        turn_count=turn_count, bootstrap=bootstrap, valid=valid, gamma=gamma, lam_turn=lam_turn,
        lam_segment=lam_segment,
    )  # fmt: skip
    where = valid_turns(turn_count, turn.shape[1], valid)
    first = torch.arange(turn.shape[1], device=turn.device) == 0
    score: dict[str, Any] = {"scale": "std", "ddof": 0, "eps": eps}
    whitened = relative(wide(turn), where=where, **score)
    return whitened, relative(wide(segment), where=where & (starts | first), **score)
