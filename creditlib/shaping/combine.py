"""Several rewards of a trajectory as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from creditlib.algebra import wide
from creditlib.vocabulary import ArgumentSpec, Rewards, ShapedReward, breaks
from creditlib.vocabulary.contract import can_read_values, checked, contract_error

__all__ = ["combine"]

How = Annotated[
    Literal["mean", "sum", "geometric", "log_sigmoid", "min"],
    ArgumentSpec(
        "the mean, the sum, the geometric mean, the sum of log σ(reward − reference), or the "
        "smallest of the rewards"
    ),
]
Weights = Annotated[
    Sequence[float], ArgumentSpec("weight of each objective; 1 for each by default")
]
References = Annotated[
    Sequence[float],
    ArgumentSpec("reward of each objective that is good enough; 0 for each by default"),
]


@checked
@breaks(
    "every_batch_is_taken",
    because="a geometric mean of a negative reward is refused.",
    how="geometric",
)
@breaks(
    "scaling_rewards_scales_or_changes_nothing",
    because="the logarithm of a sigmoid is no multiple of the reward.",
    how="log_sigmoid",
)
def combine(
    *,
    rewards: Rewards,
    how: How = "mean",
    weights: Weights | None = None,
    reference: References | None = None,
) -> ShapedReward:
    """One reward of a trajectory from its rewards under several objectives.

        mean:         Σ_k w[k] · r[k] / Σ_k w[k];    sum:  Σ_k w[k] · r[k]
        geometric:    Π_k r[k]^(w[k] / Σ w)
        log_sigmoid:  Σ_k w[k] · log σ(r[k] − reference[k]);    min:  the smallest r[k]

    With "mean" and "sum" one objective makes up for another. With "geometric", "log_sigmoid" and
    "min" the worst one decides. `gdpo` normalizes each objective in its group before it adds them.

    rewards[i,k] = NaN says that row i has no score under objective k: k is left out for the row.

    Degenerate cases: a reward of 0 gives a geometric mean of 0. A row without any score gets 0.
    An objective of weight 0 changes nothing ("min": it is left out too). `reference` is read by
    "log_sigmoid" only.

    Errors: `weights` or `reference` is not one finite number for each objective; a weight is
    negative; a reward is negative with how="geometric" (on a GPU: use `check_batch` first; the
    result is NaN).

    Source: geometric as in GTAlign 2025, whose expression was run; log_sigmoid as in Wang et al.
    2024, arXiv:2402.00742, by equation. How that paper chooses the reference was not verified.

    >>> import torch
    >>> rewards = torch.tensor([[1.0, 1.0], [4.0, 0.25], [2.0, 0.0]])
    >>> combine(rewards=rewards, how="geometric")
    tensor([1., 1., 0.])
    >>> combine(rewards=rewards)
    tensor([1.0000, 2.1250, 1.0000])
    """
    objectives = rewards.shape[1]
    scales = _numbers("weights", weights, 1.0, objectives)
    goals = _numbers("reference", reference, 0.0, objectives)
    value = wide(rewards)
    if how == "geometric" and can_read_values(rewards) and bool((value < 0).any()):
        fact = f"{float(value.nan_to_num(0.0).min()):g}"
        raise contract_error("combine", "rewards", "at least 0 with how='geometric'", fact)
    total = value.new_zeros(len(value))
    mass, least = total, torch.full_like(total, torch.inf)
    for scale, goal, own in zip(scales, goals, value.unbind(1), strict=True):
        if scale:
            scored = ~own.isnan()
            least = torch.where(scored, torch.minimum(own, least), least)
            total = total + torch.where(scored, scale * _term(own, how, goal), 0.0)
            mass = mass + scale * wide(scored)
    if how in ("sum", "log_sigmoid"):
        return total
    mean = total / torch.where(mass > 0, mass, 1.0)
    found = least if how == "min" else mean.exp() if how == "geometric" else mean
    return torch.where(mass > 0, found, 0.0)


def _term(x: Tensor, how: str, goal: float) -> Tensor:
    """What an objective adds: of a geometric mean the logarithm, −inf for 0."""
    if how == "log_sigmoid":
        return torch.nn.functional.logsigmoid(x - goal)
    return x.log() if how == "geometric" else x


def _numbers(name: str, given: Any, default: float, count: int) -> Sequence[float]:
    """An option with one finite number for each objective; weights are at least 0."""
    values = [default] * count if given is None else given
    good = isinstance(values, Sequence) and all(
        isinstance(x, (int, float)) and math.isfinite(x) and (x >= 0 or name == "reference")
        for x in values
    )
    if not good or len(values) != count:
        kind = "number" if name == "reference" else "number of at least 0"
        wanted = f"one {kind} for each of the {count} objectives"
        raise contract_error("combine", name, wanted, repr(given))
    return values
