"""Group-relative outcome credit: GRPO, Dr. GRPO, Lite-PPO."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from creditlib.algebra import relative, wide
from creditlib.vocabulary import (
    ArgumentSpec,
    Backend,
    Center,
    Credit,
    Ddof,
    Eps,
    Group,
    Lone,
    Reward,
    Scale,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked, contract_error

__all__ = ["grpo"]

ScaleOver = Annotated[
    Literal["group", "batch", "centered_batch"],
    ArgumentSpec(
        "the rewards that the scale is taken over: those of the group, those of the batch, or "
        "those of the batch after each group is centered"
    ),
]
EpsAt = Annotated[
    Literal["std", "variance", "floor"],
    ArgumentSpec("the divisor: scale + eps, sqrt(scale² + eps), or max(scale, eps)"),
]


@checked
@breaks(
    "the_expected_gradient_is_the_true_one",
    because="each group is divided by a deviation of its own rewards.",
    scale=("std", "mad"),
    scale_over="group",
)
@breaks(
    "groups_are_independent",
    "a_new_group_changes_nothing",
    "groups_may_be_computed_apart",
    "no_credit_lies_beyond_the_spread",
    because="one deviation is shared by the batch.",
    scale_over=("batch", "centered_batch"),
)
@breaks("credit_sums_to_zero", because="deviations from a median do not cancel.", center="median")
@breaks(
    "shifting_rewards_changes_nothing",
    "credit_sums_to_zero",
    "better_is_never_worse",
    "no_credit_lies_beyond_the_spread",
    because="nothing is subtracted.",
    center=None,
)
@breaks(
    "no_credit_lies_beyond_the_spread",
    because="the median deviation may be far smaller than the spread.",
    scale="mad",
)
@breaks(
    "shifting_rewards_changes_nothing",
    "better_is_never_worse",
    "no_credit_lies_beyond_the_spread",
    "the_expected_gradient_is_the_true_one",
    because="rewards are divided by their mean, which suits rewards that are success rates.",
    scale="mean",
)
@breaks("lone_members_get_nothing", because="a group of one gets its reward as it is.", lone="raw")
def grpo(
    *,
    reward: Reward,
    group: Group,
    valid: Valid | None = None,
    center: Center = "mean",
    scale: Scale = "std",
    scale_over: ScaleOver = "group",
    ddof: Ddof = 1,
    eps: Eps = 1e-6,
    eps_at: EpsAt = "std",
    lone: Lone = "zero",
    backend: Backend = "auto",
) -> Credit:
    """How much better a trajectory's reward is than that of its group, in standard deviations.

        A[i] = (reward[i] − c) / (s + eps)
        c = mean of reward over group(i);  s = sqrt( Σ (reward − mean)² / (n − ddof) )

    Special cases: scale=None is Dr. GRPO; scale_over="batch" is Lite-PPO with the deviation of
    the raw rewards of the batch, "centered_batch" with that of the group-centered rewards;
    center="leave_one_out", scale=None is `rloo`.

    `eps` has the unit of the reward (eps_at="variance": of its square). `ddof` belongs to "std".
    Without a scale `scale_over`, `eps` and `eps_at` are not read. "centered_batch" needs "std": the
    mean of centered rewards is rounding, and so is their median deviation where most are equal.

    Degenerate cases: a constant group gives exactly 0, whatever the constant and dtype. A group
    of one gives 0 (lone="raw": its reward, with a scale of 1, or with the scale of the batch where
    `scale_over` says so). Where the scale is 0, credit is 0.
    With center=None nothing is subtracted, so a constant stays unless the group's scale divides it.
    An empty batch gives an empty result.

    Source: Shao et al. 2024, arXiv:2402.03300 (outcome supervision); Dr. GRPO: Liu et al. 2025,
    arXiv:2503.20783; Lite-PPO: Liu et al. 2025, arXiv:2508.08221.
    Differs from verl: a group of one gets 0, not its raw reward (`presets.VERL_GRPO` restores
    it), and constant groups in float32 are exactly 0 instead of rounding noise over eps.

    >>> import torch
    >>> grpo(reward=torch.tensor([0.0, 0.0, 0.0, 1.0]), group=torch.tensor([7, 7, 7, 7]))
    tensor([-0.5000, -0.5000, -0.5000,  1.5000])
    """
    if scale_over == "centered_batch" and scale not in ("std", None):
        wanted = f"'group' or 'batch' with scale={scale!r}"
        remedy = "of centered rewards it is rounding"
        raise contract_error("grpo", "scale_over", wanted, repr(scale_over), remedy)
    if scale is None or scale_over == "group":
        return relative(
            reward, group, valid=valid, center=center, scale=scale, ddof=ddof, eps=eps,
            eps_at=eps_at, lone=lone, backend=backend,
        )  # fmt: skip
    unit: dict[str, Any] = {"scale": scale, "ddof": ddof, "eps": eps, "eps_at": eps_at}
    unit["backend"] = backend
    peers: dict[str, Any] = {"valid": valid, "center": center, "lone": lone, "backend": backend}
    if scale_over == "centered_batch":
        centered = relative(wide(reward), group, **peers)
        return relative(centered, valid=valid, center=None, **unit)
    # One scale for the whole batch may divide before the groups are centered.
    scaled = relative(wide(reward), valid=valid, center=None, **unit)
    return relative(scaled, group, **peers)
