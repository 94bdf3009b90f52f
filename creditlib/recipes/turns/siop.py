"""SIOP: a turn earns what it adds to the answer that the group converges on."""

from __future__ import annotations

from typing import Annotated, Literal

import torch

from creditlib.algebra import valid_turns, wide
from creditlib.estimators import grpo_process
from creditlib.shaping import outcome_at_last_turn, potential_shaping
from creditlib.vocabulary import (
    ArgumentSpec,
    Ddof,
    Eps,
    Final,
    Gamma,
    Group,
    Potential,
    Support,
    TurnCount,
    TurnCredit,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["siop"]

GainWeight = Annotated[float, ArgumentSpec("share of the gains in the reward", low=0, high=1)]
StdOrNone = Annotated[
    Literal["std"], ArgumentSpec("the divisor: the deviation of the group, or none")
]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="each turn counts in the statistics.",
)
@breaks(
    "scaling_rewards_scales_or_changes_nothing",
    because="the support is a share of the group, beside gains in the unit of the potential.",
)
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="a trajectory is part of its own baseline and deviation.",
)
def siop(
    *,
    potential: Potential,
    final: Final,
    support: Support,
    group: Group,
    turn_count: TurnCount,
    valid: Valid | None = None,
    weight: GainWeight = 0.5,
    gamma: Gamma = 1.0,
    scale: StdOrNone | None = "std",
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
) -> TurnCredit:
    """Information gain without labels: turns that make the group's supported answer likelier.

        A[i,k] = z[i,k] + gamma · A[i,k+1];  z = (r − mean) / (std + eps) over all turns of group(i)
        r[i,k] = q[i] · (Φ[i,k+1] − Φ[i,k]);  the last turn gets (1 − weight) · q[i] too
        Φ = potential, Φ after the last turn = final;  q = support

    Φ is the log of the likelihood of the group's reference answers before a turn,
    log(Σ_c α[c] · exp(mean log-probability of reference c) + 1e-8), and `agreement` makes
    `support`. The only turn of a trajectory gets (1 − weight) · q and no gain.

    Special cases: with a gold answer (support 1, weight 1) it is a sibling of `igpo`.

    Degenerate cases: a row with a support of 0 earns nothing. Equal rewards of a group give exactly
    0, and so does a pool of one turn. Turns past `turn_count` get 0.

    Source: SIOP 2026, arXiv:2605.04984; the authors' code was run.
    Differs from it: a trajectory without turns earns nothing, there (1 − weight) · q.

    >>> import torch
    >>> siop(
    ...     potential=torch.tensor([[-2.0, -1.0], [-2.0, -2.0]]),
    ...     final=torch.tensor([-1.0, -2.0]),
    ...     support=torch.tensor([1.0, 0.0]),
    ...     group=torch.tensor([0, 0]),
    ...     turn_count=torch.tensor([2, 2]),
    ... )
    tensor([[ 1.5667,  0.2611],
            [-1.5667, -0.7833]])
    """
    turns = potential.shape[1]
    several = (turn_count > 1)[:, None]
    gain = potential_shaping(
        potential=wide(potential), turn_count=turn_count, final=wide(final), valid=valid
    )
    outcome = outcome_at_last_turn(
        reward=(1 - weight) * wide(support), turn_count=turn_count, turns=turns, valid=valid
    )
    reward = torch.where(several, wide(support)[:, None] * gain, 0.0) + outcome
    where = valid_turns(turn_count, turns, valid)
    return grpo_process(
        turn_reward=torch.where(where, reward, 0.0), group=group, turn_count=turn_count,
        valid=valid, gamma=gamma, scale=scale, ddof=ddof, eps=eps,
    )  # fmt: skip
