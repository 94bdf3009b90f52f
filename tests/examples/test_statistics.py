import math

import pytest
import torch

from creditlib.vocabulary.messages import ContractError
from examples.textworld.statistics import Interval, interval


def test_interval_by_hand():
    # mean 5, deviations -3 -1 1 3, variance 20/3; t with 3 degrees of freedom is 3.182446
    found = interval(torch.tensor([2.0, 4.0, 6.0, 8.0]))
    assert found.mean == 5.0
    assert found.half == pytest.approx(3.182446 * math.sqrt(20 / 3) / 2)


def test_equal_values_leave_no_doubt():
    assert interval(torch.full((5,), 0.1)).half == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("mean", "contains"), [(0.03, True), (-0.03, True), (0.05, False), (-0.05, False)]
)
def test_whether_zero_is_inside(mean: float, contains: bool):
    assert Interval(mean, 0.04).contains_zero is contains


def test_percent():
    assert Interval(-0.0312, 0.005).percent(sign=True) == "-3.1 ± 0.5"
    assert Interval(0.0312, 0.005).percent(sign=True) == "+3.1 ± 0.5"


def test_one_value_has_no_interval():
    with pytest.raises(ContractError) as caught:
        interval(torch.tensor([1.0]))
    assert str(caught.value) == "interval: `values` must be at least 2, got 1."
