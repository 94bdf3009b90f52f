"""Completion weights by hand and against a loop."""

import pytest
import torch
from helpers import F64, assert_same, mean, ragged, table
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    # rates 9/9, 9/3 have mean 2; the third turn is of a kind that never finished
    started = torch.tensor([[9, 9], [9, 9]])
    finished = torch.tensor([[9, 3], [9, 0]])
    count = torch.tensor([2, 1])
    result = cl.completion_weight(started=started, finished=finished, turn_count=count)
    # 1, 3 and 1: mean 5/3
    assert_close(result, torch.tensor([[0.6, 1.8], [0.6, 0.0]]))
    # capped at 1.2 · 5/3 = 2: 1, 2, 1 have mean 4/3
    result = cl.completion_weight(started=started, finished=finished, turn_count=count, cap=1.2)
    assert_close(result, torch.tensor([[0.75, 1.5], [0.75, 0.0]]))


def test_workers_that_finish_what_they_start_weigh_exactly_one():
    jobs = torch.tensor([[3.0, 7.0], [49.0, 0.1]])
    two = torch.tensor([2, 2])
    result = cl.completion_weight(started=jobs, finished=jobs, turn_count=two)
    assert_same(result, torch.ones(2, 2))


def test_a_kind_that_never_finished_weighs_nothing():
    started, finished = torch.tensor([[2.0], [2.0]]), torch.tensor([[0.0], [1.0]])
    one = torch.tensor([1, 1])
    result = cl.completion_weight(started=started, finished=finished, turn_count=one)
    assert result.tolist() == [[0], [2]]  # rates 0 and 2 have mean 1


@pytest.mark.parametrize("cap", [None, 0.8, 1.5])
@given(seed=st.integers(0, 10**6))
def test_against_a_loop(cap, seed):
    x = random_arguments(cl.completion_weight, seed=seed, dtype=F64, optional=True)
    count = x["turn_count"].tolist()
    pairs = zip(ragged(x["started"], count), ragged(x["finished"], count), strict=True)
    rates = [
        [s / f if f else 0.0 for s, f in zip(*pair, strict=True)] if valid else []
        for pair, valid in zip(pairs, x["valid"], strict=True)
    ]
    pool = [q for row in rates for q in row]
    limit = cap * mean(pool) if cap and pool else float("inf")
    average = mean([min(q, limit) for q in pool]) if pool else 0.0
    rows = [[min(q, limit) / average if average else 1.0 for q in row] for row in rates]
    assert_close(cl.completion_weight(**x, cap=cap), table(rows, 5))
