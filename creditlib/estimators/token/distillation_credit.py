"""What a teacher would rather have written, as credit of each token."""

from __future__ import annotations

from typing import Annotated

import torch

from creditlib.algebra import wide
from creditlib.inputs.layouts import rows_of
from creditlib.inputs.turn_order import refuse_unordered_turns
from creditlib.ops.tokens.reference import check_layout
from creditlib.vocabulary import (
    Advantage,
    ArgumentSpec,
    LogProb,
    Offsets,
    Taught,
    TeacherLogProb,
    Turn,
)
from creditlib.vocabulary.contract import checked

__all__ = ["distillation_credit"]

Coefficient = Annotated[float, ArgumentSpec("how much a difference of log-probabilities counts")]


@checked
def distillation_credit(
    *,
    log_prob: LogProb,
    teacher_log_prob: TeacherLogProb,
    turn: Turn,
    taught: Taught | None = None,
    coefficient: Coefficient = 1.0,
    offsets: Offsets | None = None,
) -> Advantage:
    """How much likelier a teacher is to write each token than the policy: a term of an advantage.

        A[i,t] = coefficient · (teacher_log_prob[i,t] − log_prob[i,t])  in rows that are `taught`

    Add it to an advantage of tokens. Its expectation under the policy is minus the reverse
    divergence of Kullback and Leibler of policy and teacher. Without `taught` the teacher speaks
    about all rows. Of several teachers take the mean of their terms; `taught` says which rows
    belong to which.

    Degenerate cases: where both agree it is exactly 0. Tokens with turn -1 and rows that are not
    taught are not read and get 0.

    Source: on-policy distillation as slime and verl ship it, with coefficient 1; HyperEyes,
    arXiv:2605.07177, with coefficient 0.05 and the failed rollouts as `taught` (its code was run).
    Differs from it: HyperEyes' code subtracts the term on solved rollouts, which moves the policy
    away from the teacher; nothing here does.

    >>> import torch
    >>> distillation_credit(
    ...     log_prob=torch.tensor([[-1.0, -2.0]]),
    ...     teacher_log_prob=torch.tensor([[-0.5, -3.0]]),
    ...     turn=torch.tensor([[0, 0]]),
    ... )
    tensor([[ 0.5000, -1.0000]])
    """
    check_layout("distillation_credit", turn, offsets)
    refuse_unordered_turns("distillation_credit", turn, offsets)
    spoken = turn >= 0
    if taught is not None:
        row = taught[:, None] if offsets is None else taught[rows_of(offsets, turn.shape[0])]
        spoken = spoken & row
    difference = coefficient * (wide(teacher_log_prob) - wide(log_prob))
    return torch.where(spoken, difference, torch.zeros_like(difference))
