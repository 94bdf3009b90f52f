"""The efficiency bonus by hand: two bands, ties, wrong rows, and rows without tools."""

import torch

import creditlib as cl
from creditlib.testing import assert_close

T = torch.tensor


def bonus(cost, solved=None, *, reference=4.0, group=None, **more):
    cost = T(cost)
    cost = cost[:, None] if cost.ndim == 1 else cost
    rows = len(cost)
    return cl.efficiency_bonus(
        solved=torch.ones(rows, dtype=torch.bool) if solved is None else T(solved),
        cost=cost,
        reference_cost=torch.full_like(cost, reference),
        group=torch.zeros(rows, dtype=torch.int64) if group is None else T(group),
        **more,
    )


def test_two_bands_by_hand():
    # Within 4: 1, 2, 2, 4, three distinct costs: 0.2, 0.125, 0.125, 0.05. Beyond: -0.02, -0.1.
    found = bonus([1.0, 2, 2, 4, 5, 9])
    assert_close(found, T([0.2, 0.125, 0.125, 0.05, -0.02, -0.1]))


def test_the_second_criterion_decides_among_equals():
    # Costs (1, 9), (1, 2), (3, 0) of references of 9: ranks 1, 0, 2.
    found = bonus([[1.0, 9], [1, 2], [3, 0]], reference=9.0)
    assert_close(found, T([0.125, 0.2, 0.05]))
    # One criterion above its reference is beyond it.
    assert_close(bonus([[1.0, 9], [1, 2]]), T([-0.02, 0.2]))


def test_wrong_rows_by_hand():
    # The reference is 4, ⌊1.5 · 4⌋ = 6: too little below 4, far too much above 6.
    found = bonus([3.0, 4, 6, 6.5], [False] * 4)
    assert_close(found, T([-0.1, 0, 0, -0.1]))
    found = bonus([3.0, 9], [False] * 2, wrong=-1.0, slack=3.0)
    assert found.tolist() == [-1, 0]


def test_lone_untried_and_excluded_rows():
    assert_close(bonus([1.0, 9], group=[0, 1]), T([0.2, -0.02]))
    # A right row that did not try gets 0, and ranks nowhere.
    tried = T([False, True, True])
    assert_close(bonus([0.0, 1, 2], tried=tried), T([0, 0.2, 0.05]))
    valid = T([False, True, True])
    found = bonus([torch.nan, 1, 2], [True] * 3, valid=valid)
    assert_close(found, T([0, 0.2, 0.05]))


def test_bands_are_two_numbers_in_order(refusal):
    given = {
        "solved": T([True]),
        "cost": T([[1.0]]),
        "reference_cost": T([[1.0]]),
        "group": T([0]),
    }
    assert refusal(cl.efficiency_bonus, **given, good=(0.2, 0.1)) == (
        "efficiency_bonus: `good` must be two numbers, the lower one first, got (0.2, 0.1)."
    )
