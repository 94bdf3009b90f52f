"""Turns among turns of the same state, and of the same state after the same history."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch

from creditlib.algebra import relative, returns_to_go, valid_turns, wide, window_ids
from creditlib.ops.fused import fused_loop
from creditlib.ops.groups import dense
from creditlib.vocabulary import (
    Anchor,
    ArgumentSpec,
    Backend,
    Ddof,
    Eps,
    Gamma,
    Group,
    Lone,
    NonNegative,
    Reward,
    TurnCount,
    TurnCredit,
    TurnReward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked, contract_error

__all__ = ["hgpo"]

History = Annotated[
    int, ArgumentSpec("how many earlier states the longest compared history holds", low=0)
]
LengthWeight = Annotated[NonNegative, ArgumentSpec("power of the length of a history", low=0)]
Base = Annotated[
    Literal["trajectory", "turn"],
    ArgumentSpec(
        "adds the outcome among those of the group as a history of length 0: with the statistics "
        "of trajectories, or with each counted once for each of its turns"
    ),
]
HgpoScale = Annotated[
    Literal["std"], ArgumentSpec("the divisor: the deviation of the peers, or none")
]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="each trajectory counts once for each of its turns.",
    base="turn",
)
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="a trajectory is part of its own baseline and deviation.",
)
@breaks(
    "better_is_never_worse",
    because="an outcome that differs from the others joins the mean, and may lower it.",
    base=("trajectory", "turn"),
)
@breaks(
    "lone_members_get_nothing",
    because="a group of one gets its outcome as it is.",
    lone="raw",
    base=("trajectory", "turn"),
)
def hgpo(
    *,
    turn_reward: TurnReward,
    group: Group,
    anchor: Anchor,
    turn_count: TurnCount,
    reward: Reward | None = None,
    valid: Valid | None = None,
    history: History = 2,
    gamma: Gamma = 0.95,
    length_weight: LengthWeight = 1.0,
    base: Base | None = None,
    scale: HgpoScale | None = "std",
    ddof: Ddof = 0,
    eps: Eps = 1e-6,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> TurnCredit:
    """The mean of a turn's standing among turns of the same state, the longer their shared history.

        A[i,k] = Σ_n w[n] · a[n,i,k] / Σ_n w[n],  over the n with a[n,i,k] ≠ 0;  w[n] = (n + 1)^α
        a[n,i,k] = (G[i,k] − mean) / (std + eps)  over turns of the group whose last n states agree
        G[i,k] = turn_reward[i,k] + gamma · G[i,k+1];  n = 1 … history + 1;  α = length_weight

    n = 1 compares turns that start from the same state, n = 2 those that also came from the same
    state, and so on. `base` adds a[0]: (reward − mean) / (std + eps) of the outcomes of the group,
    with n − 1 in the deviation.

    Special cases: history=0 is the step term of `gigpo` with ddof=0.

    Degenerate cases: a turn that no n tells anything gets 0, and so do turns whose states are all
    distinct. A negative anchor in the last n turns: no peers at that n. A group of one has
    a[0] = 0 (lone="raw": its outcome). Turns past `turn_count` get 0.

    Errors: `base` comes without `reward`.

    Source: HGPO, the authors' recipe beside GiGPO's (ICLR 2026).
    Differs from it: a constant set of peers is exactly 0 and left out of the mean; there, rounding
    of float32 decides: three equal returns of 0.9 get ±0.056 and count with full weight. Weights
    are divided by their sum, not by the sum plus 1e-6.

    >>> import torch
    >>> seen = torch.tensor([[5, 6], [5, 6], [4, 6]])
    >>> hgpo(
    ...     turn_reward=torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, 1.0]]),
    ...     group=torch.tensor([0, 0, 0]),
    ...     anchor=seen,
    ...     turn_count=torch.tensor([2, 2, 2]),
    ...     history=1,
    ... )
    tensor([[ 1.0000,  0.8828],
            [-1.0000, -1.1657],
            [ 0.0000,  0.7071]])
    """
    if base is None:
        loop = fused_loop("hgpo", backend, turn_reward)
        if loop is not None:
            return loop(
                turn_reward, reward, group, anchor, turn_count, valid, history=history, gamma=gamma,
                length_weight=length_weight, scale=scale, ddof=ddof, eps=eps,
            )  # fmt: skip
    where = valid_turns(turn_count, turn_reward.shape[1], valid)
    returns = returns_to_go(wide(turn_reward), where, gamma, backend=backend)
    options: dict[str, Any] = {"scale": scale, "eps": eps, "backend": backend}
    total, mass = torch.zeros_like(returns), torch.zeros_like(returns)
    standing = []
    if base is not None:
        if reward is None:
            raise contract_error("hgpo", "reward", "given with `base`", "None")
        options_of_base: dict[str, Any] = {**options, "ddof": 1, "lone": lone}
        if base == "trajectory":
            first = relative(wide(reward), group, valid=valid, **options_of_base)[:, None]
        else:
            outcome = wide(reward)[:, None].expand(returns.shape)
            first = relative(outcome, group, where=where, **options_of_base)
        standing.append((1.0, first.expand(returns.shape)))
    known = where & (anchor >= 0)
    by = (group[:, None].expand(anchor.shape).reshape(-1), anchor.reshape(-1))
    window = dense(*by, backend=backend).view(anchor.shape)  # a state of one group
    for size in range(1, history + 2):
        if size > 1:  # two windows of one length that overlap are a longer one
            window, known = window_ids(window, known, 2, backend=backend)
        peers = relative(returns, window, where=known, ddof=ddof, **options)
        standing.append((float(size + 1) ** length_weight, peers))
    for weight, credit in standing:
        total = total + weight * credit
        mass = mass + weight * (credit != 0).to(credit.dtype)
    mean = total / torch.where(mass > 0, mass, 1.0)
    return torch.where(where, mean, 0.0)
