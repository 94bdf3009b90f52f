"""A³: who did better than those who typed much the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor

from creditlib.algebra import group_scale, relative, valid_rows, valid_turns, wide
from creditlib.estimators import action_margin
from creditlib.vocabulary import (
    Action,
    Anchor,
    ArgumentSpec,
    Cluster,
    Gamma,
    Group,
    Median,
    NonNegative,
    Positive,
    Reward,
    TurnCount,
    TurnCredit,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked, contract_error

__all__ = ["a3"]

ScopeWeights = Annotated[
    Sequence[float], ArgumentSpec("factor of each scope of `cluster`; by default 1 / scopes each")
]
Residual = Annotated[
    Literal["turn", "first_turn"],
    ArgumentSpec("whether each turn has its own residual, or all have that of the first turn"),
]


@checked
@breaks(
    "groups_are_independent",
    "a_new_group_changes_nothing",
    "groups_may_be_computed_apart",
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="the three parts are balanced by their means over the turns of the batch.",
)
@breaks(
    "scaling_rewards_scales_or_changes_nothing",
    "credit_sums_to_zero",
    "better_is_never_worse",
    because="each part and the sum are bounded by tanh.",
)
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="a trajectory is part of its own baseline.",
)
def a3(
    *,
    reward: Reward,
    group: Group,
    cluster: Cluster,
    anchor: Anchor,
    action: Action,
    turn_count: TurnCount,
    valid: Valid | None = None,
    scope_weights: ScopeWeights | None = None,
    residual_weight: NonNegative = 0.65,
    margin_weight: NonNegative = 1.0,
    prior: NonNegative = 0.1,
    gamma: Gamma = 0.9,
    bound: Positive = 1.1,
    floor: Positive = 0.5,
    residual: Residual = "turn",
    median: Median = "middle",
) -> TurnCredit:
    """A robust outcome, a residual against similar commands, and the margin of the action.

        A = bound · tanh((b/m(b) + residual_weight · e/m(e) + margin_weight · t/m(t)) / bound)
        b = tanh(robust(reward; group));  e = tanh(robust(e0; group));  t = action_margin
        e0[i,k] = Σ_s w[s] · (reward[i] − mean of the others of (group, turn k, cluster[s]))
        robust(x) = (x − median) / (max(1.4826 · MAD, floor) + 1e-6);  m(x) = mean |x| + 1e-9

    m is the mean over the turns of the batch. `cluster` holds ids of similar commands, one for each
    scope. residual="turn" standardizes the residuals of all turns of the prompt, "first_turn" those
    of the first turn of each trajectory, for all its turns.

    Options:
        residual_weight: factor on the residual e.
        margin_weight: factor on the margin t.
        prior: turns without a margin that each action is taken to have seen, as in `action_margin`.
        bound: largest |credit|.
        floor: smallest divisor of `robust`.

    Degenerate cases: a group of one and a constant group get exactly 0; so does a part without
    peers. Turns past `turn_count` get 0.

    Errors: `scope_weights` are not as many as the scopes of `cluster`.

    Source: A³ 2026, arXiv:2605.08013; the authors' function was run, with a stand-in for their
    parser of commands.
    Differs from it: the median of an even number is the mean of the middle two, and each turn has
    its own residual (`presets.A3_OFFICIAL` restores theirs). With the lower median, failures of
    0, 0, 1, 1 are never blamed; their residual is that of the first row met in the batch.

    >>> import torch
    >>> credit = a3(
    ...     reward=torch.tensor([1.0, 0.0]),
    ...     group=torch.tensor([0, 0]),
    ...     cluster=torch.tensor([[[3]], [[3]]]),
    ...     anchor=torch.tensor([[5], [5]]),
    ...     action=torch.tensor([[1], [2]]),
    ...     turn_count=torch.tensor([1, 1]),
    ... )
    >>> credit.round(decimals=3)
    tensor([[ 1.0820],
            [-1.0820]])
    """
    rows, where = valid_rows(valid, reward), valid_turns(turn_count, anchor.shape[1], valid)
    # Centred first, so that a constant group is exactly 0.
    value = relative(wide(reward), group, where=rows)
    base = torch.tanh(_robust(value, group, rows, floor, median))[:, None].expand(where.shape)
    gap = _above_similar(value, group, cluster, where, scope_weights)
    if residual == "turn":
        part = torch.tanh(_robust(gap, group[:, None].expand(where.shape), where, floor, median))
    else:
        first, begun = (torch.nn.functional.pad(x, (0, 1))[:, 0] for x in (gap, where))
        part = torch.tanh(_robust(first, group, begun, floor, median))[:, None].expand(where.shape)
    margin = action_margin(
        reward=value, group=group, anchor=anchor, action=action, turn_count=turn_count,
        valid=valid, gamma=gamma, prior=prior,
    )  # fmt: skip
    total = torch.zeros_like(margin)
    for factor, x in ((1.0, base), (residual_weight, part), (margin_weight, margin)):
        x = torch.where(where, x, 0.0)
        total = total + factor * x / (x.abs().sum() / where.sum().clamp(min=1) + 1e-9)
    return torch.where(where, bound * torch.tanh(total / bound), 0.0)


def _robust(x: Tensor, group: Tensor, where: Tensor, floor: float, median: str) -> Tensor:
    """The distance to the median of the group in units of 1.4826 median deviations."""
    low = "_low" if median == "low" else ""
    flat, by, take = x.reshape(-1), group.reshape(-1), where.reshape(-1)
    gap = relative(flat, by, where=take, center="median" + low)
    unit = 1.4826 * group_scale(flat, by, where=take, scale="mad" + low)
    return (gap / (unit.clamp(min=floor) + 1e-6)).view(x.shape)


def _above_similar(
    x: Tensor, group: Tensor, cluster: Tensor, where: Tensor, weights: Sequence[float] | None
) -> Tensor:
    """The weighted distances to the means of those who did something similar at the same turn."""
    scopes = cluster.shape[2]
    given = [1 / max(scopes, 1)] * scopes if weights is None else list(weights)
    if len(given) != scopes:
        wanted = f"one number for each of the {scopes} scopes of `cluster`"
        raise contract_error("a3", "scope_weights", wanted, str(len(given)))
    number = torch.arange(where.shape[1], device=x.device)[None]
    value = x[:, None].expand(where.shape)
    total = torch.zeros_like(value)
    for scope, weight in enumerate(given):
        kind = cluster[..., scope]
        known = where & (kind >= 0)
        gap = relative(value, group, number, kind, where=known, center="leave_one_out")
        total = total + weight * gap
    return total
