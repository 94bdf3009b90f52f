import pytest
import torch
from law_cases import assert_broken_in_just_this_way, assert_kept_by_ours, breaks, wide

from creditlib.vocabulary import (
    Advantage,
    Bootstrap,
    Credit,
    Group,
    Length,
    Reward,
    Turn,
    TurnCount,
    TurnCredit,
    TurnReward,
)

CASES = []


@breaks(
    CASES,
    "an_earlier_turn_changes_nothing_later",
    "an additional first turn without reward changed later credit",
    kept_by="discounted_return",
)
def discounted_from_the_start(*, turn_reward: TurnReward, turn_count: TurnCount) -> TurnCredit:
    turn = torch.arange(turn_reward.shape[1])
    return torch.where(turn < turn_count[:, None], 0.5**turn * wide(turn_reward.detach()), 0)


@breaks(
    CASES,
    "long_trajectories_do_not_outvote_short_ones",
    "an additional turn without reward changed the credit of other trajectories",
    kept_by="gigpo",
)
def compared_token_by_token(*, turn_reward: TurnReward, group: Group, length: Length) -> Credit:
    total, size = wide(turn_reward.detach()).sum(1), wide(length)
    votes = torch.where(group[:, None] == group, size, 0).fill_diagonal_(0)
    gap = (votes * (total[:, None] - total)).sum(1)
    return gap / torch.where(votes.sum(1) > 0, votes.sum(1), 1)


@breaks(
    CASES,
    "only_the_flag_truncates",
    "a `bootstrap` of 0 gives other credit than no `bootstrap`",
    kept_by="gae",
)
def goes_on_unless_told(
    *, reward: Reward, turn: Turn, bootstrap: Bootstrap | None = None
) -> Advantage:
    total = wide(reward.detach()) + wide((reward if bootstrap is None else bootstrap).detach())
    return torch.where(turn >= 0, total[:, None], 0)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_estimator_that_is_broken_in_just_this_way_is_told_so(case):
    assert_broken_in_just_this_way(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_of_ours_keeps_the_law(case):
    assert_kept_by_ours(case)
