"""Shapley values by hand, and that nothing of a coalition is lost."""

import torch
from helpers import F64
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close

T = torch.tensor


def test_by_hand():
    # Order 0 1 2: gains 2, 3, 1. Order 2 0 1: 2 gains 4, 0 gains 0, 1 gains 2.
    # Means: turn 0 (2 + 0)/2, turn 1 (3 + 2)/2, turn 2 (1 + 4)/2; 6 in all.
    found = cl.shapley(
        join_order=T([[[0, 1, 2], [2, 0, 1]]]),
        coalition_value=T([[[0.0, 2, 5, 6], [0, 4, 4, 6]]]),
        turn_count=T([3]),
    )
    assert found.tolist() == [[1, 2.5, 2.5]]


def test_places_that_hold_no_turn_are_not_read():
    order = T([[[1, 0, -1]], [[0, 2, -1]], [[0, 1, 2]]])
    value = T([[[0.0, 2, 5, torch.nan]], [[0, 1, 9, 9]], [[0, 1, 2, 3]]])
    found = cl.shapley(
        join_order=order,
        coalition_value=value,
        turn_count=T([2, 1, 3]),
        valid=T([True, True, False]),
    )
    # Row 1 has one turn: a 2 in its order is no turn.
    assert found.tolist() == [[3, 2, 0], [1, 0, 0], [0, 0, 0]]


def test_no_samples_no_turns_no_rows():
    for rows, samples, turns in ((2, 0, 3), (2, 1, 0), (0, 2, 3)):
        found = cl.shapley(
            join_order=torch.zeros(rows, samples, turns, dtype=torch.int64),
            coalition_value=torch.ones(rows, samples, turns + 1),
            turn_count=torch.full((rows,), turns),
        )
        assert found.shape == (rows, turns)
        assert not found.any()


@given(seed=st.integers(0, 10**6))
def test_a_row_adds_up_to_all_minus_none(seed):
    draw = torch.Generator().manual_seed(seed)
    order = torch.rand(4, 6, 5, generator=draw).argsort(-1)
    value = torch.randn(4, 6, 6, generator=draw, dtype=F64)
    found = cl.shapley(join_order=order, coalition_value=value, turn_count=torch.full((4,), 5))
    assert_close(found.sum(1), (value[..., -1] - value[..., 0]).mean(1))
