"""What an estimator is compared with: the oracle, and compositions that have no name of their own.

Each is a function of tensors by name, as a user would write it, made of public functions of this
library, and `audited` knows it by name. All return float[batch turn], but `reinforce` and the two
forms of `grpo`, which return float[batch]. x[i,k] is of turn k of trajectory i; the others o are
the other trajectories of its group that have turn k. G[i,k] = Σ_{j >= k} turn_reward[i,j].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from creditlib.algebra import per_turn, relative, returns_to_go, valid_turns
from creditlib.estimators import (
    gigpo,
    grpo,
    hard_min_returns,
    igpo,
    rloo,
    softmin_returns,
    turn_gae,
)
from creditlib.shaping import potential_shaping

__all__ = [
    "REFERENCES",
    "anchor_lto",
    "gae_exact_0",
    "gae_exact_1",
    "gae_exact_95",
    "group_gae",
    "grpo_partial_credit",
    "grpo_with_potential",
    "igpo_pooled",
    "igpo_raw",
    "igpo_turn_group",
    "information_gain_turn_group",
    "oracle",
    "prm_sum",
    "pure_hard_min",
    "pure_soft_min",
    "reinforce",
    "rloo_anchor_lto",
    "turn_mc",
    "turn_mc_partial_credit",
    "vineppo_4",
    "vineppo_16",
]


def oracle(*, oracle_advantage: Tensor) -> Tensor:
    """The exact advantage of the action taken: the ceiling of any credit of one sample."""
    return oracle_advantage


def reinforce(*, reward: Tensor) -> Tensor:
    """The outcome itself, without a baseline."""
    return reward


def turn_mc(*, turn_reward: Tensor, group: Tensor, turn_count: Tensor) -> Tensor:
    """The return to go, minus the mean of the others' at the same turn.

        A[i,k] = G[i,k] − mean_o G[o,k];  A[i,k] = G[i,k] where no other trajectory has turn k

    The baseline never depends on the action, so the expected gradient is exact.

    >>> turn_mc(
    ...     turn_reward=torch.tensor([[1.0, 2.0], [4.0, 0.0]]),
    ...     group=torch.tensor([0, 0]),
    ...     turn_count=torch.tensor([2, 1]),
    ... )
    tensor([[-1.,  2.],
            [ 1.,  0.]])
    """
    real = valid_turns(turn_count, turn_reward.shape[1], None)
    return _minus_others(returns_to_go(turn_reward, real), group, real)


def anchor_lto(
    *,
    reward: Tensor,
    group: Tensor,
    turn_reward: Tensor,
    anchor: Tensor,
    turn_count: Tensor,
) -> Tensor:
    """The step part of `gigpo`, leave-trajectory-out, undiscounted and without a deviation."""
    return gigpo(
        reward=reward,
        group=group,
        turn_reward=turn_reward,
        anchor=anchor,
        turn_count=turn_count,
        gamma=1.0,
        episode_weight=0.0,
        scale=None,
        leave_out="trajectory",
    )


def rloo_anchor_lto(
    *,
    reward: Tensor,
    group: Tensor,
    turn_reward: Tensor,
    anchor: Tensor,
    turn_count: Tensor,
) -> Tensor:
    """`rloo` plus `anchor_lto`: the expected gradient is exactly twice the true one."""
    step = anchor_lto(
        reward=reward,
        group=group,
        turn_reward=turn_reward,
        anchor=anchor,
        turn_count=turn_count,
    )
    return per_turn(rloo(reward=reward, group=group), turn_count, step.shape[1]) + step


def group_gae(*, turn_reward: Tensor, group: Tensor, anchor: Tensor, turn_count: Tensor) -> Tensor:
    """GAE at lambda .95, with the mean return at an anchor as its value, the own one included.

        V[i,k] = mean of G over the turns of the group with anchor[i,k]
        A = turn_gae(turn_reward, V, turn_count, lam=.95)

    It is biased: at an anchor met once the value is the return itself.
    """
    real = valid_turns(turn_count, turn_reward.shape[1], None)
    to_go = returns_to_go(turn_reward, real)
    above = relative(to_go, group, anchor, where=real)
    value = torch.where(real, to_go - above, 0.0)
    return turn_gae(turn_reward=turn_reward, turn_value=value, turn_count=turn_count, lam=0.95)[0]


def gae_exact_1(*, turn_reward: Tensor, turn_value: Tensor, turn_count: Tensor) -> Tensor:
    """`turn_gae` with the exact value of the policy and lambda 1: return minus value."""
    return turn_gae(turn_reward=turn_reward, turn_value=turn_value, turn_count=turn_count)[0]


def gae_exact_95(*, turn_reward: Tensor, turn_value: Tensor, turn_count: Tensor) -> Tensor:
    """`turn_gae` with the exact value of the policy and lambda .95."""
    return turn_gae(
        turn_reward=turn_reward, turn_value=turn_value, turn_count=turn_count, lam=0.95
    )[0]


def gae_exact_0(*, turn_reward: Tensor, turn_value: Tensor, turn_count: Tensor) -> Tensor:
    """`turn_gae` with the exact value of the policy and lambda 0: the rise of the value."""
    return turn_gae(turn_reward=turn_reward, turn_value=turn_value, turn_count=turn_count, lam=0.0)[
        0
    ]


def vineppo_4(*, turn_reward: Tensor, simulated_value_4: Tensor, turn_count: Tensor) -> Tensor:
    """The rise of a value that is the mean return of 4 rollouts from each turn (arXiv:2410.01679).

    A[i,k] = turn_reward[i,k] + V[i,k+1] − V[i,k], V = simulated_value_4, 0 after the last turn.
    """
    return turn_gae(
        turn_reward=turn_reward, turn_value=simulated_value_4, turn_count=turn_count, lam=0.0
    )[0]


def vineppo_16(*, turn_reward: Tensor, simulated_value_16: Tensor, turn_count: Tensor) -> Tensor:
    """The same with 16 rollouts."""
    return turn_gae(
        turn_reward=turn_reward, turn_value=simulated_value_16, turn_count=turn_count, lam=0.0
    )[0]


def igpo_raw(
    *, reward: Tensor, group: Tensor, information_gain: Tensor, turn_count: Tensor
) -> Tensor:
    """Gains to go as they are, plus the standardized outcome.

    A[i,k] = Σ_{k <= j < last} information_gain[i,j] + z[i]
    z[i] = (reward[i] − mean over group(i)) / (std + 1e-6)
    """
    real, last = _turns(information_gain, turn_count)
    gains = returns_to_go(torch.where(last, 0.0, information_gain), real)
    outcome = grpo(reward=reward, group=group, ddof=0)
    return gains + per_turn(outcome, turn_count, gains.shape[1])


def igpo_pooled(
    *, reward: Tensor, group: Tensor, information_gain: Tensor, turn_count: Tensor
) -> Tensor:
    """`igpo` with one mean and deviation for all gains of the group, and one for its outcomes."""
    return igpo(
        reward=reward,
        group=group,
        information_gain=information_gain,
        turn_count=turn_count,
        pool="separate",
    )


def igpo_turn_group(
    *, reward: Tensor, group: Tensor, information_gain: Tensor, turn_count: Tensor
) -> Tensor:
    """Gains standardized by turn within the group and added up, plus the standardized outcome.

    A[i,k] = `information_gain_turn_group` + z[i], the z of `igpo_raw`.
    """
    gains = information_gain_turn_group(
        group=group, information_gain=information_gain, turn_count=turn_count
    )
    outcome = grpo(reward=reward, group=group, ddof=0)
    return gains + per_turn(outcome, turn_count, gains.shape[1])


def information_gain_turn_group(
    *, group: Tensor, information_gain: Tensor, turn_count: Tensor
) -> Tensor:
    """Gains standardized by turn within the group, and added up; the answer gets 0.

    A[i,k] = Σ_{k <= j < last} (information_gain[i,j] − mean) / (std + 1e-6), mean and std over the
    trajectories of the group that gain at turn j; 0 for a turn that only one of them reaches.
    """
    real, last = _turns(information_gain, turn_count)
    number = torch.arange(information_gain.shape[1])[None]
    asks = real & ~last
    z = relative(
        information_gain, group, number, where=asks, scale="std", ddof=0, eps=1e-6, lone="zero"
    )
    return returns_to_go(z, real)


def prm_sum(*, process_reward: Tensor, group: Tensor, turn_count: Tensor) -> Tensor:
    """The sum of process rewards to go, minus the mean of the others' at the same turn.

        A[i,k] = R[i,k] − mean_o R[o,k];  R[i,k] = Σ_{j >= k} process_reward[i,j]

    Where no other trajectory has turn k, nothing is subtracted, here and below.
    """
    real = valid_turns(turn_count, process_reward.shape[1], None)
    return _minus_others(returns_to_go(process_reward, real), group, real)


def pure_soft_min(*, process_reward: Tensor, group: Tensor, turn_count: Tensor) -> Tensor:
    """`softmin_returns` at temperature .1, minus the mean of the others' at the same turn."""
    real = valid_turns(turn_count, process_reward.shape[1], None)
    to_go = softmin_returns(process_reward=process_reward, turn_count=turn_count)
    return _minus_others(to_go, group, real)


def pure_hard_min(*, process_reward: Tensor, group: Tensor, turn_count: Tensor) -> Tensor:
    """`hard_min_returns`, minus the mean of the others' at the same turn."""
    real = valid_turns(turn_count, process_reward.shape[1], None)
    to_go = hard_min_returns(process_reward=process_reward, turn_count=turn_count)
    return _minus_others(to_go, group, real)


def grpo_partial_credit(*, reward: Tensor, progress_record: Tensor, group: Tensor) -> Tensor:
    """`grpo` of reward[i] + Σ_k progress_record[i,k]."""
    return grpo(reward=reward + progress_record.sum(1), group=group)


def grpo_with_potential(
    *, reward: Tensor, progress: Tensor, group: Tensor, turn_count: Tensor
) -> Tensor:
    """`grpo` of the outcome plus `potential_shaping`, whose potential is the progress so far.

    The potential is 0 at both ends, so the shaping adds up to 0 and this is `grpo`.
    """
    before = torch.nn.functional.pad(progress[:, :-1], (1, 0))
    shaped = potential_shaping(potential=before, turn_count=turn_count)
    return grpo(reward=reward + shaped.sum(1), group=group)


def turn_mc_partial_credit(
    *, turn_reward: Tensor, progress_record: Tensor, group: Tensor, turn_count: Tensor
) -> Tensor:
    """`turn_mc` of turn_reward + progress_record: progress is paid at its turn."""
    return turn_mc(turn_reward=turn_reward + progress_record, group=group, turn_count=turn_count)


def _turns(x: Tensor, turn_count: Tensor) -> tuple[Tensor, Tensor]:
    """The turns that exist, and the last of each trajectory; bool[batch turn]."""
    number = torch.arange(x.shape[1])
    return valid_turns(turn_count, x.shape[1], None), number == turn_count[:, None] - 1


def _minus_others(x: Tensor, group: Tensor, real: Tensor) -> Tensor:
    """x[i,k] minus the mean of x[o,k] over the others o that have turn k; x[i,k] without one."""
    number = torch.arange(x.shape[1])[None]
    return relative(x, group, number, where=real, center="leave_one_out", lone="raw")


# Every function of this file that is exported, by its name.
REFERENCES: dict[str, Callable[..., Tensor]] = {
    name: globals()[name] for name in __all__ if name != "REFERENCES"
}
