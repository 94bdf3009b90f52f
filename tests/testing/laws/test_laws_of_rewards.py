import pytest
import torch
from law_cases import assert_broken_in_just_this_way, assert_kept_by_ours, breaks, wide

from creditlib import rloo
from creditlib.vocabulary import Credit, Group, Reward

CASES = []


@breaks(CASES, "shifting_rewards_changes_nothing", "-2 added to every outcome changed the credit")
def no_reward_below_zero(*, reward: Reward, group: Group) -> Credit:
    return rloo(reward=reward.clamp(min=0), group=group)


@breaks(
    CASES,
    "scaling_rewards_scales_or_changes_nothing",
    "rewards times 4 scaled only some of the credit",
)
def large_differences_are_capped(*, reward: Reward, group: Group) -> Credit:
    x = wide(reward.detach())
    same = group[:, None] == group
    apart = torch.where(same, (x[:, None] - x).abs(), 0)
    spread = torch.stack([apart[row].max() for row in same]) if len(x) else x
    return rloo(reward=reward, group=group) / (spread / 40).clamp(min=1)


@breaks(CASES, "credit_sums_to_zero", "the credit of a group sums to #")
def less_the_best_of_the_others(*, reward: Reward, group: Group) -> Credit:
    x = wide(reward.detach())
    others = (group[:, None] == group) & ~torch.eye(len(x), dtype=torch.bool)
    best = torch.where(others, x, -torch.inf).amax(1) if len(x) else x
    return torch.where(best > -torch.inf, x - best, 0)


@breaks(
    CASES, "better_is_never_worse", "a `reward` higher by 1 lowered the credit of its trajectory"
)
def the_wrong_sign(*, reward: Reward) -> Credit:
    return -wide(reward.detach())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_estimator_that_is_broken_in_just_this_way_is_told_so(case):
    assert_broken_in_just_this_way(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_of_ours_keeps_the_law(case):
    assert_kept_by_ours(case)
