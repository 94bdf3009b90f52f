"""Estimators that raise, give no tensor, print, or are drawn by chance: what is said of them."""

import re
import warnings

import numpy as np
import pytest
import torch

from creditlib import rloo
from creditlib.testing import LawError, check_estimator
from creditlib.vocabulary import Credit, Group, Reward


def broken_laws(function, **more):
    """The sentences of the laws that a function breaks."""
    with pytest.raises(LawError) as caught:
        check_estimator(function, **{"examples": 15, **more})
    return {verdict.law.name: verdict.sentence for verdict in caught.value.report.broken}


REFUSED = "a valid batch was refused: "
BEHAVIOURS = {
    "raises always": lambda reward, group: [][1],
    "returns nothing": lambda reward, group: None,
    "returns an array": lambda reward, group: np.zeros(len(reward)),
    "returns a word": lambda reward, group: "credit",
    "returns no tensor of several": lambda reward, group: (1, 2),
}
TEXTS = {
    "raises always": "IndexError: list index out of range",
    "returns nothing": "TypeError: estimator returned NoneType, not a tensor",
    "returns an array": "TypeError: estimator returned ndarray, not a tensor",
    "returns a word": "TypeError: estimator returned str, not a tensor",
    "returns no tensor of several": "TypeError: estimator returned tuple, not a tensor",
}


NIGHTLY = ("returns an array", "returns a word")


@pytest.mark.parametrize(
    "case",
    [pytest.param(x, marks=[pytest.mark.nightly] if x in NIGHTLY else []) for x in BEHAVIOURS],
)
def test_what_gives_no_tensor_is_said_to_refuse_batches(case):
    def estimator(*, reward: Reward, group: Group) -> Credit:
        return BEHAVIOURS[case](reward, group)

    said = broken_laws(estimator)
    assert said["every_batch_is_taken"] == REFUSED + TEXTS[case]
    others = {"no_trajectories_no_credit", "every_argument_is_heard"}
    assert set(said) - others == {"every_batch_is_taken"}


def test_what_raises_sometimes_is_shown_the_batch():
    def estimator(*, reward: Reward, group: Group) -> Credit:
        if bool((reward == 1).any()):
            raise ValueError("one is too many")
        return rloo(reward=reward, group=group)

    with pytest.raises(LawError) as caught:
        check_estimator(estimator, laws=["every_batch_is_taken"])
    assert str(caught.value) == (
        "estimator breaks 1 of 1 laws\n\n"
        "every_batch_is_taken: a valid batch was refused: ValueError: one is too many\n"
        "    reward = torch.tensor([1.0])\n"
        "    group = torch.tensor([0])\n"
        "    estimator(reward=reward, group=group)\n"
        "    # raises ValueError: one is too many"
    )


def test_what_cannot_take_a_gradient_is_told_so():
    def through_numpy(*, reward: Reward, group: Group) -> Credit:
        return rloo(reward=torch.from_numpy(reward.float().numpy()), group=group)

    sentence = broken_laws(through_numpy)["credit_carries_no_gradient"]
    assert sentence.startswith("inputs that require a gradient were refused: RuntimeError: ")


def test_a_wrong_shape_is_one_broken_law():
    def table(*, reward: Reward, group: Group) -> Credit:
        return rloo(reward=reward, group=group)[:, None].expand(-1, 7)

    said = broken_laws(table)
    assert re.fullmatch(
        r"the result has the shape \(\d+, 7\), which no input has",
        said.pop("results_fit_their_inputs"),
    )
    assert said == {}


def test_several_results_are_each_looked_at():
    def pair(*, reward: Reward, group: Group):
        credit = rloo(reward=reward, group=group)
        return credit, credit + 1

    assert "lone_members_get_nothing" in broken_laws(pair)


def test_more_results_at_one_time_than_at_another_are_no_agreement():
    def growing(*, reward: Reward, group: Group):
        credit = rloo(reward=reward, group=group)
        return (credit, credit) if len(reward) > 1 else credit

    said = broken_laws(growing, examples=40)
    assert said["groups_may_be_computed_apart"]


def test_what_writes_into_its_input_and_what_is_drawn_by_chance_is_told_so():
    def writes(*, reward: Reward, group: Group) -> Credit:
        credit = rloo(reward=reward, group=group)
        with torch.no_grad():
            reward += 1
        return credit

    def noisy(*, reward: Reward, group: Group) -> Credit:
        return rloo(reward=reward, group=group) + torch.rand(len(reward))

    assert broken_laws(writes) == {"inputs_are_untouched": "the call wrote into `reward`"}
    before = torch.get_rng_state()
    said = broken_laws(noisy)
    torch.set_rng_state(before)
    assert said["the_same_batch_gets_the_same_credit"] in (
        "a second call with the same batch gave other numbers",
        "the same batch gave different credit when it was tried again",
    )


def test_what_prints_and_warns_is_heard_and_found_faultless(capsys):
    def loud(*, reward: Reward, group: Group) -> Credit:
        print("at work")
        warnings.warn("soon to be removed", DeprecationWarning, stacklevel=2)
        return rloo(reward=reward, group=group)

    with pytest.warns(DeprecationWarning, match="soon to be removed"):
        check_estimator(loud, examples=2, laws=["order_does_not_matter", "credit_is_finite"])
    assert set(capsys.readouterr().out.split("\n")) == {"at work", ""}
