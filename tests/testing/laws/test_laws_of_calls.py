import pytest
import torch
from law_cases import assert_broken_in_just_this_way, assert_kept_by_ours, breaks, wide

from creditlib import rloo
from creditlib.vocabulary import Baseline, Credit, Group, Length, Reward

CASES = []


@breaks(
    CASES,
    "every_batch_is_taken",
    "a valid batch was refused: ValueError: groups must be of one size",
)
def wants_even_groups(*, reward: Reward, group: Group) -> Credit:
    if len(set(group.unique(return_counts=True)[1].tolist())) > 1:
        raise ValueError("groups must be of one size")
    return rloo(reward=reward, group=group)


@breaks(
    CASES,
    "no_trajectories_no_credit",
    "an empty batch was refused: ValueError: there is nothing to compare",
)
def wants_somebody(*, reward: Reward, group: Group) -> Credit:
    if not len(reward):
        raise ValueError("there is nothing to compare")
    return rloo(reward=reward, group=group)


@breaks(
    CASES,
    "results_fit_their_inputs",
    "the result has the shape (1, 1), which no input has",
)
def gives_columns(*, reward: Reward, group: Group) -> Credit:
    return rloo(reward=reward, group=group)[:, None]


@breaks(
    CASES,
    "credit_is_finite",
    "a result is NaN or infinite although every input is finite",
)
def direction(*, reward: Reward) -> Credit:
    return wide(reward.detach()) / wide(reward.detach()).abs()


@breaks(CASES, "inputs_are_untouched", "the call wrote into `reward`")
def cleans_up(*, reward: Reward, group: Group) -> Credit:
    credit = rloo(reward=reward, group=group)
    with torch.no_grad():
        reward.fill_(3.0)
    return credit


CALLS = []


@breaks(
    CASES,
    "the_same_batch_gets_the_same_credit",
    "a second call with the same batch gave other numbers",
    also=[
        "order_does_not_matter",
        "trajectories_may_be_computed_apart",
        "half_precision_is_computed_in_single",
        "single_precision_is_enough",
        "scaling_rewards_scales_or_changes_nothing",
        "better_is_never_worse",
    ],
    repeatable=False,
)
def cools_down(*, reward: Reward) -> Credit:
    CALLS.append(1)
    return wide(reward.detach()) / (1 + len(CALLS) % 7)


@breaks(
    CASES,
    "credit_carries_no_gradient",
    "the result requires a gradient if an input does",
)
def keeps_the_gradient(*, reward: Reward, baseline: Baseline) -> Credit:
    return wide(reward) - wide(baseline)


@breaks(CASES, "missing_tensors_are_refused", "`group`=None raised no error")
def guesses_groups(*, reward: Reward, group: Group) -> Credit:
    one = torch.zeros(len(reward), dtype=torch.int64)
    return rloo(reward=reward, group=one if group is None else group)


@breaks(
    CASES,
    "unknown_options_are_refused",
    "the unknown option no_such_option raised no error",
)
def takes_anything(*, reward: Reward, group: Group, **_) -> Credit:
    return rloo(reward=reward, group=group)


@breaks(CASES, "every_argument_is_heard", "`length` changed no result in 340 batches")
def forgets_the_length(*, reward: Reward, group: Group, length: Length | None = None) -> Credit:
    return rloo(reward=reward, group=group)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_estimator_that_is_broken_in_just_this_way_is_told_so(case):
    assert_broken_in_just_this_way(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_of_ours_keeps_the_law(case):
    assert_kept_by_ours(case)
