"""Pay for records: by hand, against a loop, and that the sum is the best minus the start."""

import torch
from helpers import F64, ragged, table
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    # records 1, 1, 1, 3: undoing and redoing the first stage pays nothing
    done = torch.tensor([[1.0, 0.0, 1.0, 3.0]])
    four = torch.tensor([4])
    assert cl.record_progress(progress=done, turn_count=four).tolist() == [[1, 0, 0, 2]]
    result = cl.record_progress(progress=done, turn_count=four, start=2.0, per_unit=0.5)
    assert result.tolist() == [[0, 0, 0, 0.5]]


def test_progress_below_the_start_pays_nothing():
    low = torch.tensor([[-5.0, -1.0]])
    assert cl.record_progress(progress=low, turn_count=torch.tensor([2])).tolist() == [[0, 0]]


@given(seed=st.integers(0, 10**6), start=st.sampled_from([-3.0, 0.0, 0.5]))
def test_against_a_loop(seed, start):
    x = random_arguments(cl.record_progress, seed=seed, dtype=F64, optional=True)
    rows = []
    for progress, valid in zip(ragged(x["progress"], x["turn_count"]), x["valid"], strict=True):
        best, row = start, []
        for reached in progress if valid else []:
            row.append(2 * max(0.0, reached - best))
            best = max(best, reached)
        rows.append(row)
    result = cl.record_progress(**x, start=start, per_unit=2.0)
    assert_close(result, table(rows, 5))
