import math

import pytest
import torch

from creditlib.audit.case import accepts, case_of, cast, same
from creditlib.audit.expected_gradient import tiny_policy, tiny_tasks
from creditlib.audit.sample import sample
from creditlib.audit.subject import audited


@pytest.fixture(scope="module")
def drawn():
    (task,) = tiny_tasks(["two_state"])
    return sample(task, tiny_policy(task), groups=4, size=3, seed=0)


def test_what_is_not_finite_is_not_the_same():
    one = torch.tensor([1.0])
    assert same(one, one)
    assert not same(one, torch.tensor([math.nan]))
    assert not same(torch.tensor([math.nan]), torch.tensor([math.nan]))


def test_a_case_holds_what_the_estimator_and_its_base_ask_for(drawn):
    case = case_of(audited("entropy_weight", on="rloo"), drawn)
    assert {"turn_entropy", "turn_count", "reward", "group"} <= set(case.batch)
    assert torch.equal(case.credit, case.subject.credit(drawn))


def test_a_change_is_seen_and_no_change_is_none(drawn):
    case = case_of(audited("rloo"), drawn)
    assert case.keeps({"reward": case.batch["reward"] + 1})
    assert not case.keeps({"reward": case.batch["reward"] * 2})
    assert set(case.rewards("reward")) == {"reward", "turn_reward"}


def test_dtypes_that_are_refused(drawn):
    def doubles_only(*, reward):
        if reward.dtype != torch.float64:
            raise TypeError("float64 only")
        return reward

    case = case_of(audited(doubles_only), drawn)
    assert accepts(case, torch.float64)
    assert not accepts(case, torch.float32)
    half = cast(case.batch, torch.bfloat16)
    assert half["reward"].dtype == torch.bfloat16
    assert half["turn_count"].dtype == torch.int64
