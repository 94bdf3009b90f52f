"""MICA: where the conversation went, and what this reply did."""

from __future__ import annotations

from typing import Annotated, Any

from creditlib.estimators import grpo_process
from creditlib.vocabulary import (
    ArgumentSpec,
    Ended,
    Gamma,
    Group,
    Lone,
    TurnCount,
    TurnCredit,
    TurnReward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["mica"]

Alpha = Annotated[float, ArgumentSpec("share of the return in the credit", low=0, high=1)]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="turns are compared with turns of the group.",
)
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="half of the credit reads the reward of one turn only.",
)
def mica(
    *,
    turn_reward: TurnReward,
    group: Group,
    turn_count: TurnCount,
    valid: Valid | None = None,
    alpha: Alpha = 0.5,
    gamma: Gamma = 1.0,
    ended: Ended = "absent",
    lone: Lone = "zero",
) -> TurnCredit:
    """Half the return, compared with the same turn of the others, and half this turn's progress.

        A[i,k] = alpha · S[i,k] + (1 − alpha) · P[i,k]
        S[i,k] = z-score of G[i,k] over the turns k of group(i);  G = turn_reward + gamma · G[k+1]
        P[i,k] = z-score of turn_reward[i,k] over all turns of group(i)

    z = (x − mean) / (std + 1e-8), with the population deviation. For dialogues that are judged
    after every turn: `turn_reward` is the fall of the distance to the goal, which
    `potential_shaping` of the negated distance makes.

    Special cases: with one turn each it is `grpo` with ddof=0.

    Degenerate cases: equal values among peers give exactly 0; a turn without peers gets 0
    (lone="raw": its value). Turns past `turn_count` get 0.

    Source: MAPO / MICA 2026, arXiv:2603.06194v3. The authors' code was not available. The equations
    are those of a reimplementation and a survey note, which agree. The default of gamma is that of
    creditlib. This method is not the MAPO of arXiv:2509.18849.
    Differs from the paper: a turn without peers gets 0, and `ended="zero"` counts those that are
    over.

    >>> import torch
    >>> mica(
    ...     turn_reward=torch.tensor([[1.0, 0.0], [0.0, 0.0]]),
    ...     group=torch.tensor([0, 0]),
    ...     turn_count=torch.tensor([2, 2]),
    ... )
    tensor([[ 1.3660, -0.2887],
            [-0.7887, -0.2887]])
    """
    peers: dict[str, Any] = {
        "turn_reward": turn_reward,
        "group": group,
        "turn_count": turn_count,
        "valid": valid,
        "order": "sum_then_score",
        "ddof": 0,
        "eps": 1e-8,
        "lone": lone,
    }
    turn = grpo_process(**peers, over="turn", gamma=gamma, ended=ended)
    pool = grpo_process(**peers, over="group", gamma=0.0)
    return alpha * turn + (1 - alpha) * pool
