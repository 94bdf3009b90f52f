"""Rewards of failures by the milestones that they reached."""

from __future__ import annotations

from typing import Annotated

import torch

from creditlib.algebra import wide
from creditlib.vocabulary import ArgumentSpec, Milestones, Score, ShapedReward, Solved
from creditlib.vocabulary.contract import checked

__all__ = ["partial_credit"]

Failure = Annotated[float, ArgumentSpec("reward of a failure without a milestone")]
PerMilestone = Annotated[float, ArgumentSpec("reward of each milestone of a failure", low=0)]


@checked
def partial_credit(
    *,
    solved: Solved,
    score: Score,
    milestones: Milestones,
    failure: Failure = -10.0,
    per_milestone: PerMilestone = 0.1,
) -> ShapedReward:
    """The grader's score of a submission; for a failure, a reward for each milestone.

        reward[i] = score[i]                                  if solved[i] and score[i] is finite
        reward[i] = failure + per_milestone · m[i]            otherwise
        m[i] = Σ_j milestones[i,j], each milestone once; or the count given

    Every accepted submission ranks above every failure if its score is larger than
    failure + per_milestone · (number of milestones).

    Degenerate cases: a score of NaN or infinity is a failure, not a reward. With all rows solved
    it is `score`. A `failure` far below the scores leaves little difference between the failures
    of a group under `grpo`.

    Source: Yang, He-Yueya and Liang 2025, arXiv:2509.01684 (instrumented environment: −10, +0.1
    per matched print, replaced by the grader's score). Its patterns are not public: give your own
    to `find_milestones`.

    >>> import torch
    >>> partial_credit(
    ...     solved=torch.tensor([False, False, True]),
    ...     score=torch.tensor([0.0, 0.0, 0.75]),
    ...     milestones=torch.tensor([[False, False], [True, True], [True, True]]),
    ... )
    tensor([-10.0000,  -9.8000,   0.7500])
    """
    graded = solved & score.isfinite()
    reached = wide(milestones).sum(1) if milestones.ndim == 2 else wide(milestones)
    ladder = failure + per_milestone * reached
    return torch.where(graded, wide(score), ladder)
