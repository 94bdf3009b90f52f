"""Duration weights by hand and against loops."""

import pytest
import torch
from helpers import F64, assert_same, mean, members, ragged, table
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    # mean of 1, 2, 9 is 4; the NaN does not exist
    seconds = torch.tensor([[1.0, 2.0], [9.0, torch.nan]])
    count = torch.tensor([2, 1])
    tensors = {"duration": seconds, "turn_count": count}
    assert cl.duration_weight(**tensors).tolist() == [[0.25, 0.5], [2.25, 0]]
    # capped at 1.25·4 = 5: 1, 2, 5 have mean 8/3
    capped = cl.duration_weight(**tensors, cap=1.25)
    assert_close(capped, torch.tensor([[3.0, 6.0], [15.0, 0.0]]) / 8)
    # each group on its own: 1, 2 over 1.5 and 9 over 9
    own = cl.duration_weight(**tensors, group=torch.tensor([7, 3]), over="group")
    assert_close(own, torch.tensor([[2 / 3, 4 / 3], [1.0, 0.0]]))


@pytest.mark.parametrize("seconds", [0.0, 0.1, 7.3, 1e-30, 1e30])
def test_equal_durations_weigh_exactly_one(seconds):
    same = torch.full((7, 3), seconds)
    count = torch.tensor([3, 2, 1, 0, 3, 3, 3])
    expected = (torch.arange(3) < count[:, None]).float()
    assert_same(cl.duration_weight(duration=same, turn_count=count), expected)


def test_a_group_is_needed_over_groups():
    with pytest.raises(cl.ContractError, match="duration_weight: `group` must be given with"):
        cl.duration_weight(duration=torch.ones(1, 1), turn_count=torch.tensor([1]), over="group")


@pytest.mark.parametrize("over", ["batch", "group"])
@pytest.mark.parametrize("cap", [None, 0.8, 1.5])
@given(seed=st.integers(0, 10**6))
def test_against_a_loop(over, cap, seed):
    x = random_arguments(cl.duration_weight, seed=seed, dtype=F64, optional=True)
    seconds = ragged(x["duration"], x["turn_count"])
    keys = x["group"].tolist() if over == "group" else [0] * len(seconds)
    rows = [[] for _ in seconds]
    for own in members(keys, x["valid"].tolist()).values():
        pool = [d for i in own for d in seconds[i]]
        limit = cap * mean(pool) if cap and pool else float("inf")
        average = mean([min(d, limit) for d in pool]) if pool else 0.0
        for i in own:
            rows[i] = [min(d, limit) / average if average else 1.0 for d in seconds[i]]
    assert_close(cl.duration_weight(**x, over=over, cap=cap), table(rows, 5))
