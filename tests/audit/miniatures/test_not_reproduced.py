"""The list of what does not reproduce, and by night that none of it passes."""

import pytest
import torch

from creditlib.audit.miniatures import LIMITS, Runs, not_reproduced
from creditlib.audit.miniatures.not_reproduced import turn_mc_discounted
from creditlib.testing import assert_close


def test_what_does_not_reproduce_is_listed():
    limits = not_reproduced()
    assert all(limit.results == () for limit in limits)
    assert sum(not limit.attempted for limit in limits) == 2
    text = [*LIMITS, *(part for limit in limits for part in limit[:3])]
    assert all(each.endswith(".") for each in text)


@pytest.mark.nightly
def test_what_does_not_reproduce_does_not_pass():
    results = [each for limit in not_reproduced(Runs(20, 21)) for each in limit.results]
    assert len(results) == 5
    assert not any(result.passed for result in results)


def test_a_discounted_return_by_hand():
    # Rewards (0, 1) and (0, 0) at the discount .9: returns to go (.9, 1) and 0; less the other's.
    credit = turn_mc_discounted(
        turn_reward=torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64),
        group=torch.tensor([0, 0]),
        turn_count=torch.tensor([2, 2]),
    )
    assert_close(credit, torch.tensor([[0.9, 1.0], [-0.9, -1.0]], dtype=torch.float64))
