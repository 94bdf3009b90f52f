"""SCRL: progress until the first mistake, compared subproblem by subproblem."""

from __future__ import annotations

import torch

from creditlib.algebra import wide
from creditlib.estimators import grpo_process
from creditlib.shaping import consecutive
from creditlib.vocabulary import (
    Ddof,
    Eps,
    Group,
    Malformed,
    SolvedTurn,
    TurnCount,
    TurnCredit,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["scrl"]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="a subproblem is compared with the same subproblem of the others.",
)
def scrl(
    *,
    solved_turn: SolvedTurn,
    group: Group,
    turn_count: TurnCount,
    malformed: Malformed | None = None,
    valid: Valid | None = None,
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
) -> TurnCredit:
    """The z-score, at each subproblem, of having solved it and all before it.

        A[i,k] = (r[i,k] − mean) / (std + eps)  over the subproblems k of group(i)
        r[i,k] = Π_{j <= k} solved_turn[i,j], 0 in a malformed row

    For curricula of subproblems that are answered in one response: a turn is the span of an
    answer, and `turn` is -1 outside the spans. A malformed row counts in the statistics as a row
    of mistakes and gets no credit itself.

    Degenerate cases: a subproblem that all or none reached gives exactly 0, and so does a group of
    one. Turns past `turn_count` get 0.

    Source: SCRL 2026, arXiv:2605.22074. No code was released: ddof and eps are those of verl, which
    trained it.

    >>> import torch
    >>> scrl(
    ...     solved_turn=torch.tensor([[True, True], [True, False]]),
    ...     group=torch.tensor([0, 0]),
    ...     turn_count=torch.tensor([2, 2]),
    ... )
    tensor([[ 0.0000,  0.7071],
            [ 0.0000, -0.7071]])
    """
    reward = wide(consecutive(solved_turn=solved_turn, turn_count=turn_count, valid=valid))
    lost = None if malformed is None else malformed[:, None]
    credit = grpo_process(
        turn_reward=reward if lost is None else torch.where(lost, 0.0, reward),
        group=group, turn_count=turn_count, valid=valid, over="turn", gamma=0.0, ddof=ddof, eps=eps,
    )  # fmt: skip
    return (credit if lost is None else torch.where(lost, 0.0, credit)).to(torch.float32)
