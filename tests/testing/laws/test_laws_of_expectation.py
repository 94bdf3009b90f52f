import pytest
from law_cases import assert_broken_in_just_this_way, assert_kept_by_ours, breaks

from creditlib import grpo
from creditlib.vocabulary import Credit, Group, Reward

CASES = []


@breaks(
    CASES,
    "the_expected_gradient_is_the_true_one",
    "biased: 25 % of the expected gradient is perpendicular to the true gradient, in groups of 2",
)
def divided_by_the_deviation(*, reward: Reward, group: Group) -> Credit:
    return grpo(reward=reward, group=group)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_estimator_that_is_broken_in_just_this_way_is_told_so(case):
    assert_broken_in_just_this_way(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_of_ours_keeps_the_law(case):
    assert_kept_by_ours(case)
