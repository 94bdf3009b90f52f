"""Rows that take no part are deleted for a function without `valid`; more in test_registry.py."""

import torch

from creditlib.vocabulary.excluded_rows import without_excluded

VALID = torch.tensor([False, True, True])
REWARD = torch.tensor([9.0, 1.0, 3.0])


def centered(reward, unit=1.0):
    return (reward - reward.mean()) * unit


def test_by_hand():
    """The mean of 1 and 3 is 2."""
    found = without_excluded("centered", centered, VALID, {"reward": REWARD}, {})
    assert found.tolist() == [0, -1, 1]
    unit = torch.tensor([5.0, 1.0, 2.0])
    found = without_excluded("centered", centered, VALID, {"reward": REWARD}, {"unit": unit})
    assert found.tolist() == [0, -1, 2]


def test_each_part_of_a_result_is_put_back_and_a_statistic_stays():
    def both(reward):
        return centered(reward), reward.mean(), "name"

    credit, mean, name = without_excluded("both", both, VALID, {"reward": REWARD}, {})
    assert (credit.tolist(), mean.item(), name) == ([0, -1, 1], 2.0, "name")


def test_where_all_rows_take_part_nothing_is_copied():
    everybody = torch.ones(3, dtype=torch.bool)
    same = without_excluded("f", lambda reward: reward, everybody, {"reward": REWARD}, {})
    assert same is REWARD


def test_wrong_masks_and_results_are_refused(refusal):
    given = {"reward": REWARD}, {}
    assert refusal(without_excluded, "f", centered, VALID.long(), *given) == (
        "f: `valid` must be bool[batch], got torch.int64 (3,)."
    )
    assert refusal(without_excluded, "f", lambda reward: REWARD, VALID, *given) == (
        "f: `result` must be one row for each trajectory, got torch.float32 (3,) for 2 rows."
    )
