"""Information gain pooled over a prompt group, accumulated to the end of the trajectory."""

from __future__ import annotations

from typing import Annotated, Literal

import torch

from creditlib.algebra import relative, returns_to_go, valid_rows, valid_turns, wide
from creditlib.ops.fused import fused_loop
from creditlib.vocabulary import (
    ArgumentSpec,
    Backend,
    Ddof,
    Eps,
    Gamma,
    Group,
    InformationGain,
    Reward,
    TurnCount,
    TurnCredit,
    Valid,
    VarianceEps,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["igpo"]

Pool = Annotated[
    Literal["joint", "separate"],
    ArgumentSpec("whether gains and outcomes share one mean and deviation, or have one each"),
]


@checked
@breaks(
    "shifting_rewards_changes_nothing",
    "better_is_never_worse",
    because="gains and outcomes share one mean.",
    pool="joint",
)
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="each turn counts in the statistics of the gains.",
)
def igpo(
    *,
    reward: Reward,
    group: Group,
    information_gain: InformationGain,
    turn_count: TurnCount,
    valid: Valid | None = None,
    pool: Pool = "joint",
    gamma: Gamma = 1.0,
    ddof: Ddof = 0,
    eps: Eps = 1e-6,
    variance_eps: VarianceEps = 1e-8,
    backend: Backend = "auto",
) -> TurnCredit:
    """The information that a turn and those after it gained, and the outcome at the end.

        A[i,k] = Σ_{j >= k} gamma^(j−k) · z[i,j]
        z[i,k] = (x[i,k] − mean) / (sqrt(variance + variance_eps) + eps)  over the pool of group(i)
        x[i,k] = information_gain[i,k];  at the last turn reward[i]

    Special cases: one turn each gives `grpo` with ddof 0. gamma=0: each turn sees its own z.

    Degenerate cases: a pool of equal values, or of one value, gives exactly 0. The entry of
    `information_gain` at the last turn is not read. A trajectory without turns counts with its
    outcome. Turns past `turn_count` get 0.

    Source: Wang et al. 2025, arXiv:2510.14967 (normalization, accumulation); the conventions
    (population variance, two epsilons) are those of the authors' code of February 2026. Their code
    of November 2025 computes something else: rewards-to-go minus a mean per token column.
    Differs from that code: a gain of exactly 0 stays a turn of its own.

    >>> import torch
    >>> gain = torch.tensor([[0.2, 0.0], [0.0, 0.0]])
    >>> igpo(
    ...     reward=torch.tensor([1.0, 0.0]),
    ...     group=torch.tensor([0, 0]),
    ...     information_gain=gain,
    ...     turn_count=torch.tensor([2, 2]),
    ...     pool="separate",
    ... )
    tensor([[ 2.0000,  1.0000],
            [-2.0000, -1.0000]])
    """
    loop = fused_loop("igpo", backend, reward)
    if loop is not None:
        return loop(
            reward, group, information_gain, turn_count, valid, pool=pool, gamma=gamma, ddof=ddof,
            eps=eps, variance_eps=variance_eps,
        )  # fmt: skip
    turns = information_gain.shape[1]
    gains = valid_turns(turn_count - 1, turns, valid)
    where = valid_turns(turn_count, turns, valid)
    # The outcome is one more column. `kind` is the pool of a column: 1 for a pool of outcomes.
    x = torch.cat([wide(information_gain), wide(reward)[:, None]], 1)
    kind = torch.arange(turns + 1, device=x.device) == (turns if pool == "separate" else -1)
    z = relative(
        x,
        group,
        kind.to(torch.int64)[None],
        where=torch.cat([gains, valid_rows(valid, reward)[:, None]], 1),
        scale="std",
        ddof=ddof,
        eps=eps,
        variance_eps=variance_eps,
        backend=backend,
    )
    z = torch.where(gains, z[:, :-1], z[:, -1:])
    return returns_to_go(z, where, gamma, backend=backend)
