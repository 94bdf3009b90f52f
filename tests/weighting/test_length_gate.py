"""Weights of groups by the lengths of right and wrong answers, by hand and against a loop."""

import pytest
import torch
from helpers import F64, mean, members
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

RIGHT, WRONG = True, False


def gate(*rows, **options):
    """Weights of one group of rows (solved, length) or (solved, length, truncated)."""
    solved, length, *cut = zip(*rows, strict=True)
    if cut:
        options["truncated"] = torch.tensor(cut[0])
    group = torch.zeros(len(rows), dtype=torch.int64)
    length, solved = torch.tensor(length), torch.tensor(solved)
    found = cl.length_gate(solved=solved, length=length, group=group, **options)
    return found.tolist()


def test_by_hand():
    # The longest right answer has 9 tokens, wrong ones 4 and 12: their mean is 8.
    assert gate((RIGHT, 9), (RIGHT, 2), (WRONG, 4), (WRONG, 12), weight=0.25) == [1, 1, 1, 1]
    # 4 and 16 have the mean 10; without the one that was cut off it is 4.
    assert gate((RIGHT, 9), (WRONG, 4), (WRONG, 16), weight=0.25) == [0.25, 0.25, 0.25]
    rows = (RIGHT, 9, False), (WRONG, 4, False), (WRONG, 16, True)
    assert gate(*rows, weight=0.25) == [1, 1, 1]
    assert gate((RIGHT, 8), (WRONG, 8), weight=0.25) == [0.25, 0.25]  # not longer


@pytest.mark.parametrize(
    ("rows", "weight", "keep"),
    [
        ([(RIGHT, 9)], 1, 0.25),  # no wrong answer: −∞, or +∞
        ([(WRONG, 9)], 0.25, 1),  # no right answer
        ([(RIGHT, 3), (RIGHT, 9)], 1, 0.25),
        ([(WRONG, 3), (WRONG, 9)], 0.25, 1),
        ([(RIGHT, 9), (WRONG, 3)], 1, 1),
        ([(RIGHT, 3), (WRONG, 9)], 0.25, 0.25),
    ],
)
def test_where_one_side_is_missing_the_forms_of_the_authors_differ(rows, weight, keep):
    assert gate(*rows, weight=0.25) == [weight] * len(rows)
    assert gate(*rows, weight=0.25, unsolved="keep") == [keep] * len(rows)


def test_excluded_rows_get_nothing_and_change_nothing():
    rows = (RIGHT, 9), (WRONG, 4), (WRONG, 99)
    assert gate(*rows, valid=torch.tensor([True, True, False])) == [1, 1, 0]


@pytest.mark.parametrize("unsolved", ["weight", "keep"])
@given(seed=st.integers(0, 10**6))
def test_against_a_loop(unsolved, seed):
    x = random_arguments(cl.length_gate, seed=seed, dtype=F64, optional=True)
    solved, cut, length = (x[name].tolist() for name in ("solved", "truncated", "length"))
    expected = torch.zeros(len(solved))
    for own in members(x["group"].tolist(), x["valid"].tolist()).values():
        right = [length[i] for i in own if solved[i]]
        wrong = [length[i] for i in own if not solved[i] and not cut[i]]
        if not right:
            full = unsolved == "keep"
        elif not wrong:
            full = unsolved == "weight"
        else:
            full = max(right) > mean(wrong)
        expected[own] = 1.0 if full else 0.5
    assert_close(cl.length_gate(**x, weight=0.5, unsolved=unsolved), expected)
