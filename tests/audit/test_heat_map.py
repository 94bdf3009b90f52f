"""The numbers of a heat map: rows by outcome, means by action and turn."""

import pytest
import torch

from creditlib.audit.credit_quality import credit_on, groups_of
from creditlib.audit.heat_map import heat_map_of, mixed_group
from creditlib.audit.tasks import recovery, rooms
from creditlib.testing import assert_close
from creditlib.vocabulary.contract import ContractError


def test_the_rows_are_one_group_with_the_highest_reward_first():
    drawn = groups_of(recovery(), 20, 4, 0)
    credit = credit_on("rloo", drawn)
    group = mixed_group(drawn)
    shown = heat_map_of("rloo", recovery(), groups=20, size=4, group=group)
    rows = slice(4 * group, 4 * group + 4)
    assert shown.reward.min() < shown.reward.max()
    assert torch.equal(shown.reward, shown.reward.sort(descending=True).values)
    assert_close(shown.credit.sort(0).values, credit[rows].sort(0).values)
    order = shown.reward[:, None] - shown.reward.mean()
    assert bool((shown.credit * order >= 0).all())


def test_means_by_action_and_turn():
    drawn = groups_of(recovery(), 20, 4, 0)
    credit = credit_on("grpo", drawn)
    shown = heat_map_of("grpo", recovery(), groups=20, size=4)
    for action in range(2):
        for turn in range(4):
            taken = drawn.action[:, turn] == action
            assert_close(shown.mean_credit[action, turn], credit[taken, turn].mean())
            expected = drawn.advantage[taken, turn].mean()
            assert_close(shown.mean_advantage[action, turn], expected)


def test_turns_that_do_not_exist_are_nan():
    drawn = groups_of(rooms(), 30, 8, 0)
    shown = heat_map_of("rloo", rooms(), groups=30)
    chosen = mixed_group(drawn)
    count = drawn.turn_count[8 * chosen : 8 * chosen + 8]
    real = (~shown.credit.isnan()).sum(1)
    assert torch.equal(real.sort().values, count.sort().values)
    assert torch.equal(shown.credit.isnan(), shown.advantage.isnan())
    assert len(shown.turns) == shown.credit.shape[1]


def test_the_group_shown_has_both_outcomes():
    drawn = groups_of(recovery(), 30, 8, 0)
    solved = (drawn.at_outcome(recovery().success) > 0).any(1).view(-1, 8)
    share = solved[mixed_group(drawn)].double().mean()
    assert 0.2 < float(share) < 0.8


def test_a_group_that_does_not_exist_is_refused():
    with pytest.raises(ContractError, match="heat_map_of: `group` must be from 0 to 19, got 20"):
        heat_map_of("rloo", recovery(), groups=20, group=20)
