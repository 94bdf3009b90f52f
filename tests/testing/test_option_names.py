import functools

import torch

from creditlib import ContractError, grpo, rloo
from creditlib.testing import check_estimator
from creditlib.testing.option_names import check_option_names, check_option_values
from creditlib.testing.subject import subject_of
from creditlib.vocabulary import Reward


class Shift(torch.nn.Module):
    def forward(self, reward: Reward, by: float):
        return reward + by


def test_an_unknown_option_is_refused():
    try:
        check_option_names(grpo, {"scle": 1}, ["reward", "group"])
    except ContractError as error:
        said = str(error)
    else:
        said = ""
    assert said.endswith("got 1 (did you mean 'scale'?).")


def test_the_options_of_a_module_are_those_of_its_forward(refusal):
    check_option_names(Shift(), {"by": 1.0}, ["reward"])
    assert refusal(check_option_names, Shift(), {"bye": 1.0}, ["reward"]) == (
        "Shift: `bye` must be one of its arguments, got 1.0 (did you mean 'by'?)."
    )


def test_a_tensor_may_be_given_for_a_tensor_and_nothing_else(refusal):
    check_option_names(rloo, {"valid": torch.ones(2)}, ["reward", "valid"])
    assert refusal(check_option_names, rloo, {"valid": True}, ["reward", "valid"]) == (
        "rloo: `valid` must be left to the laws, which draw it, got the option True."
    )


def test_a_partial_is_checked_too(refusal):
    bound = functools.partial(rloo, lone="rwa")
    assert refusal(check_estimator, bound) == (
        "rloo: `lone` must be one of 'zero', 'raw', got 'rwa' (did you mean 'raw'?)."
    )


def test_an_error_about_something_else_is_left_to_the_laws():
    def picky(*, reward: Reward, by: float = 1.0):
        raise ValueError("not today")

    check_option_values(subject_of(picky, {"by": 2.0}))
