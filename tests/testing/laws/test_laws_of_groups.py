import pytest
import torch
from law_cases import assert_broken_in_just_this_way, assert_kept_by_ours, breaks, wide

from creditlib import rloo
from creditlib.vocabulary import Credit, Group, Reward, Valid

CASES = []


def by_group(reward, group, credit_of):
    """Credit computed from the rewards of one group at a time."""
    x = wide(reward.detach())
    credit = torch.zeros_like(x)
    for one in group.unique():
        mine = group == one
        credit[mine] = credit_of(x[mine])
    return credit


@breaks(CASES, "order_does_not_matter", "credit depends on the order of rows")
def duel_with_the_next(*, reward: Reward, group: Group) -> Credit:
    return by_group(reward, group, lambda x: x - x.roll(-1))


@breaks(CASES, "labels_do_not_matter", "group ids that are far apart changed the credit")
def holds_ids_in_32_bits(*, reward: Reward, group: Group) -> Credit:
    return rloo(reward=reward, group=group.int())


@breaks(
    CASES,
    "groups_are_independent",
    "other values in one group changed the credit of another group",
    also=["a_new_group_changes_nothing", "groups_may_be_computed_apart"],
)
def scaled_by_the_batch(*, reward: Reward, group: Group) -> Credit:
    x = wide(reward.detach())
    spread = x.max() - x.min() if len(x) else x.sum()
    return rloo(reward=reward, group=group) / torch.where(spread > 0, spread, 1)


@breaks(
    CASES,
    "a_new_group_changes_nothing",
    "an additional group in the batch changed the credit of the other groups",
    also=["groups_may_be_computed_apart"],
)
def divided_by_the_groups(*, reward: Reward, group: Group) -> Credit:
    return rloo(reward=reward, group=group) / max(len(group.unique()), 1)


@breaks(
    CASES,
    "groups_may_be_computed_apart",
    "a group computed alone gets other credit than in the batch",
    also=["a_new_group_changes_nothing"],
)
def divided_by_the_largest_group(*, reward: Reward, group: Group) -> Credit:
    size = (group[:, None] == group).sum(1)
    return rloo(reward=reward, group=group) * size / (size.max() if len(size) else 1)


@breaks(
    CASES,
    "trajectories_may_be_computed_apart",
    "a trajectory computed alone gets other credit than in the batch",
    kept_by="remax",
)
def less_the_mean_of_the_batch(*, reward: Reward) -> Credit:
    x = wide(reward.detach())
    return (x.double() - (x.double().mean() if len(x) else 0)).to(x.dtype)


@breaks(
    CASES,
    "excluded_trajectories_are_absent",
    "an invalid trajectory changed the credit of the others",
)
def divided_by_all_rows(*, reward: Reward, group: Group, valid: Valid | None = None) -> Credit:
    credit = rloo(reward=reward, group=group, valid=valid)
    if valid is None:
        return credit
    same = group[:, None] == group
    return credit * (same & valid).sum(1) / same.sum(1)


@breaks(
    CASES,
    "equal_trajectories_get_equal_credit",
    "two equal trajectories of one group got different credit",
    also=["order_does_not_matter"],
)
def in_pairs(*, reward: Reward, group: Group) -> Credit:
    return by_group(reward, group, pairs)


def pairs(x):
    """The first against the second, the third against the fourth; who is left over gets 0."""
    credit, even = torch.zeros_like(x), len(x) // 2 * 2
    credit[:even] = x[:even] - x[:even].view(-1, 2).flip(1).flatten()
    return credit


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_estimator_that_is_broken_in_just_this_way_is_told_so(case):
    assert_broken_in_just_this_way(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_of_ours_keeps_the_law(case):
    assert_kept_by_ours(case)
