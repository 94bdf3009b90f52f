"""GAE on two levels: turns inside a segment, and segments such as subgoals."""

from __future__ import annotations

import torch

from creditlib.algebra import next_turn, returns_to_go, valid_turns, wide
from creditlib.vocabulary import (
    Backend,
    Bootstrap,
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

__all__ = ["hierarchical_gae"]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    because="the first turn of a row starts a segment, and the one after an earlier turn may not.",
)
def hierarchical_gae(
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
    backend: Backend = "auto",
) -> TurnCreditPair:
    """(turn credit, segment credit): GAE from turn to turn, and GAE from segment to segment.

        turn:    A[i,k] = r[i,k] + gamma · V' − turn_value[i,k] + gamma · lam_turn · A[i,k+1]
                 inside a segment V' = turn_value[i,k+1]; at its last turn V' = segment_value[i,k+1]
                 and the last term is 0
        segment: A[i,s] = Σ_{j<d} gamma^j · r[i,s+j] + gamma^d · segment_value[i,s+d]
                 − segment_value[i,s] + gamma^d · lam_segment · A[i,s+d],  d turns, from turn s on

    r = turn_reward. After the last turn both values are bootstrap (or 0). A segment starts where
    `starts` is true, and at the first turn. The segment credit lies at the turns that start a
    segment and is 0 elsewhere. The first credit is for the tokens that act, the second for those
    that choose the subgoal.

    Options:
        lam_turn: trace decay λ of GAE from turn to turn inside a segment.
        lam_segment: trace decay λ of GAE from segment to segment.

    Special cases: a segment a turn makes the segment credit `turn_gae` of `segment_value`; without
    `starts` that are true the turn credit is `turn_gae` of `turn_value`.

    Degenerate cases: a trajectory without turns has 0. `segment_value` is read only where a segment
    starts. Turns past `turn_count` get 0.

    Source: HiPER 2026, arXiv:2602.16165; the authors' code was restated.
    Differs from it: nothing is whitened (the recipe `hiper` does), and a truncated row bootstraps
    from `bootstrap`, not from the value of its last turn or segment.

    >>> import torch
    >>> hierarchical_gae(
    ...     turn_reward=torch.tensor([[0.0, 0.0, 1.0]]),
    ...     turn_value=torch.tensor([[0.0, 0.25, 0.5]]),
    ...     segment_value=torch.tensor([[0.25, 9.0, 0.75]]),
    ...     starts=torch.tensor([[True, False, True]]),
    ...     turn_count=torch.tensor([3]),
    ...     gamma=1.0,
    ...     lam_turn=1.0,
    ...     lam_segment=1.0,
    ... )
    (tensor([[0.7500, 0.5000, 0.5000]]), tensor([[0.7500, 0.0000, 0.2500]]))
    """
    where = valid_turns(turn_count, turn_reward.shape[1], valid)
    first = starts.clone()
    first[:, :1] = True
    first = first & where
    reward, value = (torch.where(where, wide(x), 0.0) for x in (turn_reward, turn_value))
    high = torch.where(first, wide(segment_value), 0.0)
    leaves = next_turn(first, where)  # the next turn starts a segment
    after = next_turn(torch.where(first, high, value), where, bootstrap)
    delta = reward + gamma * after - value
    cut = leaves.to(value.dtype)
    turn = returns_to_go(delta, where, gamma * lam_turn * (1 - cut), backend=backend)
    # What a segment earns from this turn on, and what later segments and their values add.
    ends = leaves | ~next_turn(where, where)
    earned = reward + torch.where(ends, gamma * (1 - cut * lam_segment) * after, 0.0)
    decay = gamma * (1 - cut * (1 - lam_segment))
    segment = returns_to_go(earned, where, decay, backend=backend)
    return turn, torch.where(first, segment - high, 0.0)
