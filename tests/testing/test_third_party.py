"""Estimators of people who know nothing of creditlib but its annotations, or not even those."""

import functools

import pytest
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from creditlib.testing import LawError, check_estimator
from creditlib.vocabulary import Credit, Group, Reward, TurnCount, TurnCredit, TurnReward

EXAMPLES = 20


def others_mean(x, group):
    """A row's number less the mean of the others of its group, 0 for who is alone."""
    with torch.no_grad():
        x = x.double()
        same = (group[:, None] == group).double().fill_diagonal_(0)
        gap = (same * (x[:, None] - x)).sum(1)
        return gap / same.sum(1).clamp(min=1)


def result_of(credit, x):
    return credit.to(torch.promote_types(x.dtype, torch.float32))


def patient(
    *,
    reward: Reward,
    group: Group,
    turn_count: TurnCount,
    tired: Float[Tensor, "batch turn"],
    rate: float = 0.5,
) -> TurnCredit:
    """Less for turns in which the model was tired, a tensor that nobody here has heard of."""
    credit = result_of(others_mean(reward, group), reward)
    with torch.no_grad():
        weight = 1 / (1 + rate * tired.to(credit.dtype).abs())
    real = torch.arange(tired.shape[1]) < turn_count[:, None]
    return torch.where(real, credit[:, None] * weight, 0)


def other_axes(
    reward: Float[Tensor, "b"], group: Int[Tensor, "b"], mood: Float[Tensor, "b 2"]
) -> Float[Tensor, "b"]:
    """Axes named in another way than ours, one of a fixed size; given by position if you like."""
    weight = 1 / (1 + mood.detach()[:, 1].double().abs())
    return result_of(others_mean(reward, group) * weight, reward)


def batch_axes(reward: Float[Tensor, "batch"], group: Int[Tensor, "batch"]):
    return result_of(others_mean(reward, group), reward)


def powered(*, reward: Reward, group: Group, factor: float) -> Credit:
    return result_of(factor * others_mean(reward, group), reward)


def featured(
    *, reward: Reward, group: Group, mood: Float[Tensor, "batch feature"], on: Bool[Tensor, "kind"]
) -> Credit:
    """An axis that nobody knows, and a tensor that belongs to no trajectory."""
    credit = others_mean(reward, group)
    weight = 1 / (1 + mood.detach().double().abs().sum(1) + on.sum())
    return result_of(credit * weight, reward)


class Leave(torch.nn.Module):
    def forward(self, reward: Reward, group: Group) -> Credit:
        return result_of(others_mean(reward, group), reward)


class Object:
    def __call__(self, *, reward: Reward, group: Group) -> Credit:
        return result_of(others_mean(reward, group), reward)


# Weighed by what a turn was like: what it is given, nobody pays.
WEIGHED = {
    "credit_sums_to_zero": "who was tired gets less of the credit",
    "the_expected_gradient_is_the_true_one": "weights are chosen by the model",
}
STRANGERS = {
    "a tensor that nobody uses": (patient, WEIGHED),
    "jaxtyping names": (batch_axes, {}),
    "axes of other names": (other_axes, WEIGHED),
    "a partial": (functools.partial(powered, factor=0.5), {}),
    "a number that is needed": (powered, {}),
    "an axis that nobody knows": (featured, WEIGHED),
    "a module": (Leave(), {}),
    "a callable object": (Object(), {}),
}


@pytest.mark.parametrize("case", STRANGERS)
def test_a_stranger_is_tested_from_the_signature_alone(case):
    function, skip = STRANGERS[case]
    report = check_estimator(function, skip=skip, examples=EXAMPLES)
    assert len(report.of("kept")) >= 20
    assert report.of("untried") == []


def test_a_stranger_who_reads_padding_is_found_out():
    def tiring(
        *, turn_reward: TurnReward, turn_count: TurnCount, tired: Float[Tensor, "batch turn"]
    ):
        real = torch.arange(tired.shape[1]) < turn_count[:, None]
        mean = tired.detach().double().mean(1, keepdim=True)
        return result_of(torch.where(real, turn_reward.detach() - mean, 0), turn_reward)

    with pytest.raises(LawError) as caught:
        check_estimator(tiring, examples=EXAMPLES, laws=["padding_changes_nothing"])
    assert "padding with" in str(caught.value)


def test_what_a_partial_binds_is_in_the_pasted_lines():
    def scaled(*, reward: Reward, group: Group, factor: float) -> Credit:
        return factor * reward

    with pytest.raises(LawError) as caught:
        check_estimator(functools.partial(scaled, factor=3.0), laws=["lone_members_get_nothing"])
    assert "scaled(reward=reward, group=group, factor=3.0)" in str(caught.value)
