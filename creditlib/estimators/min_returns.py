"""Three returns that all pass for "the minimum over the steps", under three names."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from creditlib.contract import checked
from creditlib.ops.dispatch import pick
from creditlib.ops.masks import real_turns
from creditlib.ops.precision import narrow, wide
from creditlib.ops.returns import turn_returns
from creditlib.ops.scan import reverse_minimum
from creditlib.ops.softmin import hard_min_weights, softmin_weights, suffix_min
from creditlib.vocabulary import Backend, Positive, ProcessReward, TurnCount, TurnCredit, Valid

__all__ = ["hard_min_returns", "min_steps", "softmin_returns", "suffix_min_returns"]


def min_steps(
    score: Tensor,
    real: Tensor,
    temperature: float | None,
    sums: Callable[[Tensor, Tensor, float], Tensor] = turn_returns,
) -> Tensor:
    """The steps whose suffix sums are the returns, hard-min without a temperature.

    >>> score, real = torch.tensor([[3.0, 1.0]]), torch.tensor([[True, True]])
    >>> min_steps(score, real, None)
    tensor([[0., 1.]])
    """
    if temperature is None:
        weights = hard_min_weights(score, real)
    else:
        weights = softmin_weights(score, real, temperature, sums)
    return torch.where(real, weights * score, torch.zeros_like(score))


def _returns(
    function: str,
    backend: str,
    score: Tensor,
    turn_count: Tensor,
    valid: Tensor | None,
    temperature: float | None,
) -> Tensor:
    real = real_turns(turn_count, score.shape[1], valid)
    sums = pick(function, backend, turn_returns, score)
    return narrow(sums(min_steps(wide(score), real, temperature, sums), real, 1.0), score)


@checked
def softmin_returns(
    *,
    process_reward: ProcessReward,
    turn_count: TurnCount,
    valid: Valid | None = None,
    temperature: Positive = 0.1,
    backend: Backend = "auto",
) -> TurnCredit:
    """The softmin-weighted scores of the steps still to come.

        G[i,k] = Σ_{j >= k} w[i,j] · process_reward[i,j],  w[i] = softmax(−process_reward[i] / T)

    The softmax runs over the whole trajectory: G is near the minimum up to the worst step and
    near 0 after it, unlike `suffix_min_returns`. The total lies between the minimum and the mean,
    and is not monotone in a score: raising one far above the rest takes weight from it.

    Degenerate cases: one step gives its score; turns past `turn_count` get 0.

    Breaks by design:
        an_earlier_turn_changes_nothing_later, better_is_never_worse: a step's share depends
            on all steps of the trajectory.

    Source: Cheng et al. 2025, arXiv:2504.15275 (min-form credit, `temperature` 0.1).

    >>> import torch
    >>> score, three = torch.tensor([[0.9, -0.6, 0.7]]), torch.tensor([3])
    >>> softmin_returns(process_reward=score, turn_count=three).round(decimals=3)
    tensor([[-0.6000, -0.6000,  0.0000]])
    """
    name = "softmin_returns"
    return _returns(name, backend, process_reward, turn_count, valid, temperature)


@checked
def hard_min_returns(
    *,
    process_reward: ProcessReward,
    turn_count: TurnCount,
    valid: Valid | None = None,
    backend: Backend = "auto",
) -> TurnCredit:
    """The smallest score, credited to every step up to the worst one and to none after it.

        G[i,k] = Σ_{j >= k} w[i,j] · process_reward[i,j],  w = 1/ties at the minimum, else 0

    The limit of `softmin_returns` for temperature → 0.

    Degenerate cases: tied worst steps share; turns past `turn_count` get 0.

    Breaks by design:
        an_earlier_turn_changes_nothing_later, better_is_never_worse: only the worst step
            counts, and which one that is may change.

    Source: Cheng et al. 2025, arXiv:2504.15275 (the limit temperature → 0).

    >>> import torch
    >>> score = torch.tensor([[0.9, -0.6, 0.7]])
    >>> hard_min_returns(process_reward=score, turn_count=torch.tensor([3]))
    tensor([[-0.6000, -0.6000,  0.0000]])
    """
    name = "hard_min_returns"
    return _returns(name, backend, process_reward, turn_count, valid, None)


@checked
def suffix_min_returns(
    *,
    process_reward: ProcessReward,
    turn_count: TurnCount,
    valid: Valid | None = None,
    backend: Backend = "auto",
) -> TurnCredit:
    """The smallest score of the step and those still to come.

        G[i,k] = min_{j >= k} process_reward[i,j]

    What "min over the future" says literally; `softmin_returns` and `hard_min_returns` are 0
    after the worst step instead.

    Degenerate cases: turns past `turn_count` get 0.

    Source: the value function stated in words by Cheng et al. 2025, arXiv:2504.15275.

    >>> import torch
    >>> score = torch.tensor([[0.9, -0.6, 0.7]])
    >>> suffix_min_returns(process_reward=score, turn_count=torch.tensor([3]))
    tensor([[-0.6000, -0.6000,  0.7000]])
    """
    real = real_turns(turn_count, process_reward.shape[1], valid)
    minimum = pick("suffix_min_returns", backend, reverse_minimum, process_reward)
    return narrow(suffix_min(wide(process_reward), real, minimum), process_reward)
