"""GRPO with process supervision: step rewards among those of the group."""

from __future__ import annotations

from creditlib.algebra import relative, returns_to_go, valid_turns, wide
from creditlib.ops.fused import fused_loop
from creditlib.vocabulary import (
    Backend,
    Ddof,
    Eps,
    Group,
    Scale,
    TurnCount,
    TurnCredit,
    TurnReward,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["grpo_process"]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="each step counts in the statistics, as published.",
)
@breaks(
    "better_is_never_worse",
    because="a better step raises the mean that is subtracted from later steps.",
)
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="a trajectory is part of its own baseline and deviation.",
)
def grpo_process(
    *,
    turn_reward: TurnReward,
    group: Group,
    turn_count: TurnCount,
    valid: Valid | None = None,
    scale: Scale = "std",
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
    backend: Backend = "auto",
) -> TurnCredit:
    """GRPO with process supervision: the step rewards still to come, each normalized by its group.

        z[i,k] = (turn_reward[i,k] − mean) / (std + eps)   over all turns of all members of group(i)
        A[i,k] = Σ_{j >= k} z[i,j]

    Special cases: with one turn each it is `grpo`.

    Degenerate cases: a pool of equal step rewards gives exactly 0; so does a pool of one.
    Trajectories with more steps count more in the statistics, as published. Turns past
    `turn_count` get 0.

    Source: Shao et al. 2024, arXiv:2402.03300 (process supervision). There is no official code.
    The paper does not state ddof and eps; they are those of the outcome form.

    >>> import torch
    >>> step = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    >>> two = torch.tensor([2, 2])
    >>> grpo_process(turn_reward=step, group=torch.tensor([0, 0]), turn_count=two)
    tensor([[ 1.0000, -0.5000],
            [-1.0000, -0.5000]])
    """
    loop = fused_loop("grpo_process", backend, turn_reward) if scale != "mad" else None
    if loop is not None:
        return loop(turn_reward, group, turn_count, valid, scale=scale, ddof=ddof, eps=eps)
    where = valid_turns(turn_count, turn_reward.shape[1], valid)
    z = relative(
        wide(turn_reward), group, where=where, scale=scale, ddof=ddof, eps=eps, backend=backend
    )
    return returns_to_go(z, where, backend=backend)
