"""Bands by rank, by hand."""

import torch

from creditlib.algebra import rank_band
from creditlib.testing import assert_close

T = torch.tensor


def test_ranks_in_groups_by_hand():
    # Group 0: 3, 1, 1, 2 have the ranks 2, 0, 0, 1 of three values. Group 1: 9 alone.
    x, group = T([3.0, 1.0, 1.0, 2.0, 9.0]), T([0, 0, 0, 0, 1])
    found = rank_band(x, group, where=torch.ones(5, dtype=torch.bool), low=-1.0, high=1.0)
    assert found.tolist() == [-1, 1, 1, 0, 1]


def test_the_first_criterion_decides():
    x = T([[1.0, 5.0], [0.0, 9.0], [1.0, 4.0]])
    found = rank_band(x, where=torch.ones(3, dtype=torch.bool), low=0.0, high=1.0)
    assert found.tolist() == [0, 1, 0.5]


def test_rows_that_are_not_selected_leave_no_gap():
    x, where = T([1.0, 2.0, 3.0, torch.nan]), T([True, False, True, False])
    found = rank_band(x, torch.zeros(4, dtype=torch.int64), where=where, low=0.0, high=1.0)
    assert_close(found, T([1.0, 0.0, 0.0, 0.0], dtype=torch.float64))
