"""The policies of the audit, and what is exact at them."""

import numpy as np
import pytest
import torch

from creditlib.audit.oracle import oracle
from creditlib.audit.policies import AUDIT_SEED, default_policy, perturbed
from creditlib.audit.tasks import TASKS, recovery, two_state
from creditlib.audit.tasks.two_state import LOGITS
from creditlib.testing import assert_close
from creditlib.vocabulary.messages import ContractError


def test_perturbed_by_hand():
    numbers = 0.5 * np.random.default_rng(5).standard_normal(14)
    assert perturbed(recovery(), 5).flatten().tolist() == numbers.tolist()


def test_a_generator_goes_on():
    stream = np.random.default_rng(5)
    first, second = perturbed(recovery(), stream), perturbed(recovery(), stream)
    assert torch.equal(first, perturbed(recovery(), 5))
    assert not torch.equal(first, second)


def test_the_default_is_that_of_the_seed():
    assert torch.equal(default_policy("recovery"), perturbed(recovery(), AUDIT_SEED))
    assert torch.equal(default_policy(recovery()), default_policy("recovery"))
    assert torch.equal(default_policy(two_state()), LOGITS)


def test_an_unknown_name():
    with pytest.raises(ContractError, match=r"one, got 'recover' \(did you mean 'recovery'\?\)"):
        default_policy("recover")


@pytest.mark.parametrize(
    ("name", "solved"),
    # A regression: a task, or the order of its observations, has changed.
    [
        ("key_door", 0.1315),
        ("key_door_apples", 0.1315),
        ("umbrella", 0.3948),
        ("recovery", 0.8369),
        ("rooms", 0.1124),
        ("search", 0.2718),
        ("pipeline", 0.0025),
        ("wings", 0.0365),
    ],
)
def test_success_at_the_default_policy(name, solved):
    found = oracle(TASKS[name](), default_policy(name)).success
    assert_close(found, torch.tensor(solved), "golden, four decimals")
