"""A ladder below failure."""

from __future__ import annotations

import torch

from creditlib.contract import checked
from creditlib.ops.precision import narrow, wide
from creditlib.vocabulary import Milestones, NonNegative, Reward, Score, Solved

__all__ = ["partial_credit"]


@checked
def partial_credit(
    *,
    solved: Solved,
    score: Score,
    milestones: Milestones,
    failure: float = -10.0,
    per_milestone: NonNegative = 0.1,
) -> Reward:
    """The grader's score of a submission; without one, a step up the ladder per milestone.

        reward[i] = score[i]                                  if solved[i] and score[i] is finite
        reward[i] = failure + per_milestone · m[i]            otherwise
        m[i] = Σ_j milestones[i,j], each milestone once; or the count given

    `failure` is the offset, `per_milestone` the ladder. Every accepted submission outranks every
    failure as long as its score exceeds failure + per_milestone · (number of milestones).

    Degenerate cases: a score of NaN or infinity is a failure, not a reward. With all rows solved
    it is `score`. Under `grpo` an offset far below the scores crushes the ladder: failures of one
    group then differ by little; choose the offset with that in mind.

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
    return narrow(torch.where(graded, wide(score), ladder), score)
