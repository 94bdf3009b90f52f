"""Three returns that are all called "the minimum over the steps", under three names."""

from __future__ import annotations

from creditlib.algebra import running_min, valid_turns, wide
from creditlib.ops import min_form
from creditlib.vocabulary import (
    Backend,
    ProcessReward,
    Temperature,
    TurnCount,
    TurnReturns,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["hard_min_returns", "softmin_returns", "suffix_min_returns"]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "better_is_never_worse",
    because="a step's share depends on all steps of the trajectory.",
)
def softmin_returns(
    *,
    process_reward: ProcessReward,
    turn_count: TurnCount,
    valid: Valid | None = None,
    temperature: Temperature = 0.1,
    backend: Backend = "auto",
) -> TurnReturns:
    """The softmin-weighted scores of the steps still to come.

        G[i,k] = Σ_{j >= k} w[i,j] · process_reward[i,j],  w[i] = softmax(−process_reward[i] / T)

    The softmax runs over the whole trajectory: G is near the minimum up to the worst step and
    near 0 after it, unlike `suffix_min_returns`. The total lies between the minimum and the mean,
    and is not monotone in a score: a score far above the others loses weight when it rises.

    Degenerate cases: one step gives its score; turns past `turn_count` get 0.

    Source: Cheng et al. 2025, arXiv:2504.15275 (min-form credit, `temperature` 0.1).
    Differs from the authors' code: padding never enters the softmax.

    >>> import torch
    >>> score, three = torch.tensor([[0.9, -0.6, 0.7]]), torch.tensor([3])
    >>> softmin_returns(process_reward=score, turn_count=three).round(decimals=3)
    tensor([[-0.6000, -0.6000,  0.0000]])
    """
    return min_form.min_returns(
        process_reward, turn_count, temperature, valid=valid, backend=backend
    )


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "better_is_never_worse",
    because="only the worst step counts, and another step may become the worst.",
)
def hard_min_returns(
    *,
    process_reward: ProcessReward,
    turn_count: TurnCount,
    valid: Valid | None = None,
    backend: Backend = "auto",
) -> TurnReturns:
    """The smallest score, credited to every step up to the worst one and to none after it.

        G[i,k] = Σ_{j >= k} w[i,j] · process_reward[i,j],  w = 1/ties at the minimum, else 0

    The limit of `softmin_returns` for temperature → 0.

    Degenerate cases: tied worst steps share; turns past `turn_count` get 0.

    Source: Cheng et al. 2025, arXiv:2504.15275 (the limit temperature → 0).

    >>> import torch
    >>> score = torch.tensor([[0.9, -0.6, 0.7]])
    >>> hard_min_returns(process_reward=score, turn_count=torch.tensor([3]))
    tensor([[-0.6000, -0.6000,  0.0000]])
    """
    return min_form.min_returns(process_reward, turn_count, None, valid=valid, backend=backend)


@checked
def suffix_min_returns(
    *,
    process_reward: ProcessReward,
    turn_count: TurnCount,
    valid: Valid | None = None,
    backend: Backend = "auto",
) -> TurnReturns:
    """The smallest score of the step and those still to come.

        G[i,k] = min_{j >= k} process_reward[i,j]

    This is "min over the future" taken literally; `softmin_returns` and `hard_min_returns` are 0
    after the worst step instead.

    Degenerate cases: turns past `turn_count` get 0.

    Source: the value function stated in words by Cheng et al. 2025, arXiv:2504.15275.
    Differs from the authors' code: that computes a softmin, never this minimum.

    >>> import torch
    >>> score = torch.tensor([[0.9, -0.6, 0.7]])
    >>> suffix_min_returns(process_reward=score, turn_count=torch.tensor([3]))
    tensor([[-0.6000, -0.6000,  0.7000]])
    """
    where = valid_turns(turn_count, process_reward.shape[1], valid)
    return running_min(wide(process_reward), where, backend=backend)
