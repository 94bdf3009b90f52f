import pytest
import torch
from law_cases import assert_broken_in_just_this_way, assert_kept_by_ours, breaks, wide

from creditlib import discounted_return
from creditlib.vocabulary import Advantage, Offsets, Reward, TokenReward, Turn

CASES = []


@breaks(
    CASES,
    "nothing_where_nobody_wrote",
    "a token or turn that the policy did not write got credit",
    kept_by="gae",
)
def half_for_tool_output(*, reward: Reward, turn: Turn) -> Advantage:
    credit = wide(reward.detach())[:, None].expand(turn.shape)
    return torch.where(turn >= 0, credit, credit / 2)


@breaks(
    CASES,
    "tool_output_changes_nothing",
    "tool output of length 1 changed the credit of the policy's tokens",
    kept_by="gae",
)
def shared_with_tool_output(*, reward: Reward, turn: Turn) -> Advantage:
    mine = turn >= 0
    span = (mine.cumsum(1) > 0) & (mine.flip(1).cumsum(1).flip(1) > 0)
    share = wide(reward.detach()) / span.sum(1).clamp(min=1)
    return torch.where(mine, share[:, None], 0)


@breaks(CASES, "padding_changes_nothing", "padding with 9 changed the credit", kept_by="gae")
def padding_is_summed(*, token_reward: TokenReward, turn: Turn) -> Advantage:
    total = wide(token_reward.detach()).sum(1, keepdim=True)
    return torch.where(turn >= 0, total, 0)


@breaks(
    CASES,
    "rewards_are_never_lost",
    "a reward on a masked token does not count as on the written token before it",
    kept_by="discounted_return",
)
def rewards_are_masked(*, token_reward: TokenReward, turn: Turn) -> Advantage:
    mine = turn >= 0
    total = torch.where(mine, wide(token_reward.detach()), 0).sum(1, keepdim=True)
    return torch.where(mine, total, 0)


@breaks(
    CASES,
    "packed_rows_equal_padded_rows",
    "packed trajectories get other credit than padded ones",
    kept_by="gae",
)
def runs_on_into_the_next(
    *, token_reward: TokenReward, turn: Turn, offsets: Offsets | None = None
) -> Advantage:
    if offsets is None:
        return discounted_return(token_reward=token_reward, turn=turn, gamma=1.0)
    one_turn = torch.where(turn >= 0, 0, -1)[None]
    return discounted_return(token_reward=token_reward[None], turn=one_turn, gamma=1.0)[0]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_estimator_that_is_broken_in_just_this_way_is_told_so(case):
    assert_broken_in_just_this_way(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_of_ours_keeps_the_law(case):
    assert_kept_by_ours(case)
