"""Intervals: by hand, and their properties. Their coverage is in test_credit_quality.py."""

import torch

from creditlib.audit.intervals import Estimate, block_of, bootstrap, jackknife, resample_counts
from creditlib.testing import assert_close

F64 = torch.float64


def tensor(*values):
    return torch.tensor(values, dtype=F64)


def mean(total):
    return total[..., :1] / total[..., 1:]


def test_jackknife_by_hand():
    # The numbers 1, 2, 6 have the mean 3; without each of them it is 4, 3.5, 1.5.
    # Their mean is 3, the deviations 1, .5, -1.5, their squares sum to 3.5.
    # se² = 2/3 · 3.5 = 7/3, the squared standard error of a mean: variance 7 over 3.
    found = jackknife(tensor(3.0).squeeze(), tensor(4.0, 3.5, 1.5))
    half = 2.093024 * (7 / 3) ** 0.5
    assert_close(tensor(*found), tensor(3.0, 3.0 - half, 3.0 + half))


def test_the_corrected_value_by_hand():
    # The square of the mean of 1, 2, 6 is 9, too high by the variance 7 of the numbers over 3.
    # Without each number it is 16, 12.25, 2.25, whose mean is 61/6: 3 · 9 - 2 · 61/6 = 20/3, which
    # is 9 - 7/3.
    found = jackknife(tensor(9.0).squeeze(), tensor(16.0, 12.25, 2.25), corrected=True)
    assert_close(tensor(found.value), tensor(20 / 3))


def test_the_lowest_end_is_kept():
    assert jackknife(tensor(1.0).squeeze(), tensor(0.0, 9.0), low=0.0).low == 0.0


def test_jackknife_of_an_undefined_number():
    nan = torch.nan
    assert jackknife(tensor(nan).squeeze(), tensor(1.0, 2.0)) == Estimate(None, None, None)
    assert jackknife(tensor(1.0).squeeze(), tensor(1.0, nan)) == Estimate(1.0, None, None)
    assert jackknife(tensor(1.0).squeeze(), tensor(1.0)) == Estimate(1.0, None, None)


def test_bootstrap_by_hand():
    # Of two groups, 0 and 1, a resample has the mean 0, .5, .5 or 1, each equally often. So more
    # than 2.5 % of the resamples lie at either end.
    assert bootstrap(mean, tensor([0.0, 1.0], [1.0, 1.0])) == [Estimate(0.5, 0.0, 1.0)]


def test_bootstrap_of_equal_groups_has_no_width():
    assert bootstrap(mean, tensor(*[[2.0, 1.0]] * 9)) == [Estimate(2.0, 2.0, 2.0)]


def test_bootstrap_has_the_width_of_a_normal_interval():
    # The mean of 400 numbers with standard deviation 1: ±1.96/20 = ±.098.
    values = torch.randn(400, dtype=F64, generator=torch.Generator().manual_seed(1))
    values = (values - values.mean()) / values.std(correction=0)
    [found] = bootstrap(mean, torch.stack([values, torch.ones_like(values)], dim=1))
    assert -0.112 < found.low < -0.084
    assert 0.084 < found.high < 0.112


def test_bootstrap_leaves_out_the_resamples_in_which_a_number_is_undefined():
    # The denominator is 0 in a quarter of the resamples.
    assert bootstrap(mean, tensor([3.0, 1.0], [0.0, 0.0])) == [Estimate(3.0, 3.0, 3.0)]
    assert bootstrap(mean, tensor([0.0, 0.0], [0.0, 0.0])) == [Estimate(None, None, None)]


def test_one_group_gives_no_interval():
    assert bootstrap(mean, tensor([3.0, 1.0])) == [Estimate(3.0, None, None)]


def test_each_resample_draws_as_many_groups_as_there_are():
    counts = resample_counts(7, resamples=200, seed=3)
    assert torch.equal(counts.sum(1), torch.full((200,), 7.0, dtype=F64))
    # A group is left out with probability (6/7)^7 = .34.
    assert 0.30 < float((counts == 0).double().mean()) < 0.38


def test_one_seed_gives_one_resample():
    first = resample_counts(6, resamples=9, seed=5).clone()
    resample_counts.cache_clear()
    assert torch.equal(first, resample_counts(6, resamples=9, seed=5))
    assert not torch.equal(first, resample_counts(6, resamples=9, seed=6))


def test_blocks_are_runs_of_nearly_equal_length():
    block = block_of(303)
    length = torch.bincount(block)
    assert torch.equal(block, block.sort().values)
    assert len(length) == 20
    assert set(length.tolist()) == {15, 16}
    assert block_of(3).tolist() == [0, 1, 2]
