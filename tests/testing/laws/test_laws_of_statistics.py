import pytest
import torch
from law_cases import assert_broken_in_just_this_way, assert_kept_by_ours, breaks, wide

from creditlib import rloo
from creditlib.vocabulary import Credit, Group, Reward, TurnCount, TurnReward

CASES = []


@breaks(
    CASES,
    "constant_groups_get_nothing",
    "a group with equal rewards got credit",
)
def less_a_rounded_mean(*, reward: Reward, group: Group) -> Credit:
    x = reward.detach().double()
    same = (group[:, None] == group).double()
    return (x - (same / same.sum(1)) @ x).to(wide(reward).dtype)


@breaks(
    CASES,
    "different_rewards_get_some_credit",
    "a group with two different rewards got no credit",
    also=("better_is_never_worse",),
)
def silent_where_most_agree(*, reward: Reward, group: Group) -> Credit:
    """As a median deviation does: it is 0 where more than half of a group agree."""
    same = group[:, None] == group
    equal = (same & (reward.detach()[:, None] == reward.detach())).sum(1)
    most = torch.where(same, equal, 0).topk(1).values[:, 0] if len(reward) else equal
    size = same.sum(1)
    return torch.where((size > 4) & (2 * most > size), 0, rloo(reward=reward, group=group))


@breaks(CASES, "lone_members_get_nothing", "the only member of a group got credit")
def lone_members_get_all(*, turn_reward: TurnReward, group: Group, turn_count: TurnCount) -> Credit:
    real = torch.arange(turn_reward.shape[1]) < turn_count[:, None]
    total = torch.where(real, wide(turn_reward.detach()), 0).sum(1)
    lone = (group[:, None] == group).sum(1) == 1
    return torch.where(lone, total, rloo(reward=total, group=group))


@breaks(
    CASES,
    "no_credit_lies_beyond_the_spread",
    "a credit of # exceeds the range of the group's rewards and √n",
)
def summed_instead_of_averaged(*, reward: Reward, group: Group) -> Credit:
    return rloo(reward=reward, group=group) * (group[:, None] == group).sum(1)


@breaks(
    CASES,
    "half_precision_is_computed_in_single",
    "the same values in bfloat16 and in float32 get different credit",
)
def rounded_as_the_reward(*, reward: Reward, group: Group) -> Credit:
    credit = rloo(reward=reward, group=group)
    return credit.to(reward.dtype).to(credit.dtype)


@breaks(
    CASES,
    "single_precision_is_enough",
    "the same values in float32 and in float64 get different credit",
)
def shrunk_before_compared(*, reward: Reward, group: Group) -> Credit:
    return rloo(reward=0.9 * wide(reward), group=group)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_estimator_that_is_broken_in_just_this_way_is_told_so(case):
    assert_broken_in_just_this_way(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_of_ours_keeps_the_law(case):
    assert_kept_by_ours(case)
