"""Min-form credit from a process reward model: a chain of steps is as good as its worst one."""

from __future__ import annotations

from typing import Annotated, Literal

from creditlib.ops import min_form
from creditlib.vocabulary import (
    ArgumentSpec,
    Backend,
    Group,
    Length,
    Lone,
    ProcessReward,
    Reward,
    Temperature,
    TurnCount,
    TurnCredit,
    TurnLength,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked, contract_error

__all__ = ["pure"]

Form = Annotated[
    Literal["softmin", "hard_min", "suffix_min"],
    ArgumentSpec(
        "the return: sums weighted by the softmin, sums with all weight on the minimum, or the "
        "minimum itself"
    ),
]
BaselineUnit = Annotated[
    Literal["step", "token"], ArgumentSpec("whether the baseline is one number a step or a token")
]
RewardWeight = Annotated[float, ArgumentSpec("factor on the credit of the outcome", low=0)]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    because="a trajectory's value depends on all its steps, and so does the baseline of others.",
)
@breaks(
    "better_is_never_worse",
    because="a step's share depends on all steps of the trajectory.",
    form=("softmin", "hard_min"),
)
@breaks(
    "constant_groups_get_nothing",
    because="the baseline is one per token, so more is subtracted from a long step.",
    baseline="token",
)
@breaks("lone_members_get_nothing", because="a group of one gets its reward as it is.", lone="raw")
def pure(
    *,
    process_reward: ProcessReward,
    group: Group,
    turn_count: TurnCount,
    turn_length: TurnLength | None = None,
    length: Length | None = None,
    reward: Reward | None = None,
    valid: Valid | None = None,
    form: Form = "softmin",
    temperature: Temperature = 0.1,
    baseline: BaselineUnit = "step",
    reward_weight: RewardWeight = 1.0,
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> TurnCredit:
    """The min-form return of a step against the average of the group's other trajectories.

        A[i,k] = Σ_{j >= k} (s[i,j] − b[i,j]) + reward_weight · (reward[i] − mean of the others)
        s[i,k] = process_reward[i,k] · softmax(−process_reward[i] / temperature)[k]
        b[i,k] = mean over the others o of Σ_j s[o,j] / turn_count[o]              baseline="step"
        b[i,k] = turn_length[i,k] · Σ_o Σ_j s[o,j] / Σ_o length[o]                 baseline="token"

    The sum of s is close to the smallest score. The sum from a step to the end is near that minimum
    up to the worst step and near 0 after it. form="hard_min" puts all weight on the minimum.
    form="suffix_min" is no sum: it is the minimum of the steps still to come, minus the mean of
    this minimum over the steps of the others, each counted once or turn_length times. See
    `softmin_returns`, `hard_min_returns`, `suffix_min_returns`. `length` is the sum of
    `turn_length` unless it is given. It divides sums, so "suffix_min" does not read it.

    Special cases: one step each, no `reward`: `rloo` of the scores. temperature → ∞: mean form.

    Degenerate cases: a trajectory without peers, or whose peers have no steps, gets 0 (lone="raw":
    its returns, with a baseline of 0). A group of equal scores, step counts and turn lengths gives
    exactly 0. Padding enters neither the softmax nor a baseline. Turns past `turn_count` get 0.

    Source: Cheng et al. 2025, arXiv:2504.15275 (advantage: Eq. 7–8); baselines as in the authors'
    OpenRLHF code (`presets.PURE_OPENRLHF_STEP`, `presets.PURE_OPENRLHF_TOKEN`).
    Differs from it: credit is not zeroed on the token that ends a step (mask the turn map for
    that). The verl branch divides by the padded width, is NaN for a group of one and takes its
    strict minimum over zero-filled tokens; none of that is reproduced.

    >>> import torch
    >>> pure(
    ...     process_reward=torch.tensor([[1.0], [0.0], [0.5]]),
    ...     group=torch.tensor([0, 0, 0]),
    ...     turn_count=torch.tensor([1, 1, 1]),
    ... )
    tensor([[ 0.7500],
            [-0.7500],
            [ 0.0000]])
    """
    if baseline == "token" and turn_length is None:
        raise contract_error("pure", "turn_length", "given with baseline='token'", "None")
    return min_form.min_form_credit(
        process_reward,
        group,
        turn_count,
        form=form,
        temperature=temperature,
        baseline=baseline,
        reward_weight=reward_weight,
        lone=lone,
        valid=valid,
        turn_length=turn_length,
        length=length,
        reward=reward,
        backend=backend,
    )
