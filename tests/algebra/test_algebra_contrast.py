"""Groups and states that tell anything, by hand and against sets."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import LAWS, random_arguments
from creditlib.testing.engine.runner import run_law
from creditlib.testing.subject import subject_of
from creditlib.vocabulary import (
    Anchor,
    Group,
    Reward,
    ShapedReward,
    TurnCount,
    TurnReward,
    TurnRewards,
    Valid,
)

contrast = cl.contrast


def test_groups_by_hand():
    group = torch.tensor([3, 3, 3, 4, 4, 9])
    reward = torch.tensor([1.0, 1.0, 0.0, 0.5, 0.5, 1.0])
    assert contrast(reward=reward, group=group).tolist() == [True, True, True, False, False, False]
    # Without the 0 group 3 is constant; a spread of 1 is not above a tolerance of 1.
    valid = torch.tensor([True, True, False, True, True, True])
    assert not contrast(reward=reward, group=group, valid=valid).any()
    assert not contrast(reward=reward, group=group, tolerance=1.0).any()


def test_states_by_hand():
    turns = {
        "turn_reward": torch.tensor([[1.0, 0.0, 7.0], [0.0, 0.0, 7.0]]),
        "turn_count": torch.tensor([2, 2]),
        "group": torch.tensor([0, 0]),
    }
    seen = torch.tensor([[5, 6, 5], [5, 6, 5]])
    # State 5 earned 1 and 0, state 6 only 0; the third column is padding.
    wanted = [[True, False, False], [True, False, False]]
    assert contrast(**turns, anchor=seen).tolist() == wanted
    assert contrast(**turns).tolist() == [[True, True, False]] * 2
    assert not contrast(**turns, anchor=torch.full_like(seen, -1)).any()


def test_what_is_missing_is_named(refusal):
    reward, group = torch.tensor([1.0]), torch.tensor([0])
    assert refusal(contrast, group=group) == (
        "contrast: `reward` must be given, or `turn_reward`, and not both, got neither."
    )
    assert refusal(contrast, group=group, turn_reward=reward[:, None]) == (
        "contrast: `turn_count` must be given with `turn_reward`, got None."
    )
    assert refusal(contrast, group=group, reward=reward, anchor=group[:, None]) == (
        "contrast: `anchor` must be given with `turn_reward` only, got torch.int64 (1, 1)."
    )


@given(seed=st.integers(0, 10**6))
def test_it_is_where_some_peer_gets_credit(seed):
    """The mask is True for all peers where the centred reward of one of them is not 0."""
    x = random_arguments(cl.contrast, seed=seed, optional=True, dtype=torch.float64)
    rows = {name: x[name] for name in ("reward", "group", "valid")}
    credit = cl.grpo(**rows, scale=None)
    for i, told in enumerate(contrast(**rows).tolist()):
        peers = (x["group"] == x["group"][i]) & x["valid"]
        assert told == bool(x["valid"][i] and (credit[peers] != 0).any())


def of_rows(*, reward: Reward, group: Group, valid: Valid | None = None) -> ShapedReward:
    """`contrast` of rows as numbers, so that the laws can be put to it."""
    return contrast(reward=reward, group=group, valid=valid).to(reward.dtype)


def of_turns(
    *,
    turn_reward: TurnReward,
    group: Group,
    anchor: Anchor,
    turn_count: TurnCount,
    valid: Valid | None = None,
) -> TurnRewards:
    """`contrast` of turns as numbers."""
    found = contrast(
        turn_reward=turn_reward, group=group, anchor=anchor, turn_count=turn_count, valid=valid
    )
    return found.to(turn_reward.dtype)


KEPT = (
    "lone_members_get_nothing",
    "constant_groups_get_nothing",
    "groups_are_independent",
    "order_does_not_matter",
    "labels_do_not_matter",
    "shifting_rewards_changes_nothing",
)


@pytest.mark.parametrize("function", [of_rows, of_turns])
@pytest.mark.parametrize("law", KEPT)
def test_contrast_keeps_the_laws_of_a_mask(function, law):
    subject = subject_of(function, {})
    assert not LAWS[law].applies(subject) or run_law(LAWS[law], subject).state == "kept"
