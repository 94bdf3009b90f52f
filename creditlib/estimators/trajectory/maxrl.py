"""Credit in units of the success rate."""

from __future__ import annotations

from creditlib.algebra import relative
from creditlib.vocabulary import Backend, Credit, Eps, Group, Reward, Valid, breaks
from creditlib.vocabulary.contract import checked

__all__ = ["maxrl"]


@checked
@breaks(
    "shifting_rewards_changes_nothing",
    "better_is_never_worse",
    "no_credit_lies_beyond_the_spread",
    "the_expected_gradient_is_the_true_one",
    because="rewards are divided by their mean, which suits rewards that are success rates.",
)
def maxrl(
    *,
    reward: Reward,
    group: Group,
    valid: Valid | None = None,
    eps: Eps = 0.0,
    backend: Backend = "auto",
) -> Credit:
    """How much better a reward is than its group's mean, in units of that mean.

        A[i] = (reward[i] − mean) / (mean + eps)

    For 0/1 rewards the mean is the success rate p, and 1/p turns the gradient of p into that of
    log p: the maximum-likelihood objective. Meant for rewards >= 0.

    Degenerate cases: a constant group gives exactly 0, so does a group whose mean is 0 and a
    group of one.

    Source: Tajwar et al. 2026, arXiv:2602.02710.
    Differs from trainers' code: some add an eps of 1e-6 to the mean; here it is 0 and a zero mean
    gives 0.

    >>> import torch
    >>> maxrl(reward=torch.tensor([0.0, 0.0, 0.0, 1.0]), group=torch.tensor([7, 7, 7, 7]))
    tensor([-1., -1., -1.,  3.])
    """
    return relative(reward, group, valid=valid, scale="mean", eps=eps, backend=backend)
