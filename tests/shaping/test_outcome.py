"""The outcome at the last turn."""

import pytest
import torch
from helpers import F64

import creditlib as cl


def test_by_hand():
    reward, count = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2, 1, 3])
    result = cl.outcome_at_last_turn(reward=reward, turn_count=count, turns=3)
    assert result.tolist() == [[0, 1, 0], [2, 0, 0], [0, 0, 3]]


def test_excluded_rows_and_trajectories_without_turns_get_none():
    reward, count = torch.tensor([torch.nan, 2.0]), torch.tensor([2, 0])
    valid = torch.tensor([False, True])
    result = cl.outcome_at_last_turn(reward=reward, turn_count=count, turns=2, valid=valid)
    assert result.tolist() == [[0, 0], [0, 0]]


def test_the_count_of_an_excluded_row_is_not_looked_at():
    reward, count = torch.tensor([1.0, 2.0]), torch.tensor([2, 9])
    valid = torch.tensor([True, False])
    result = cl.outcome_at_last_turn(reward=reward, turn_count=count, turns=2, valid=valid)
    assert result.tolist() == [[0, 1], [0, 0]]


@pytest.mark.parametrize(("rows", "turns"), [(0, 0), (0, 3), (1, 0)])
def test_empty_shapes(rows, turns):
    reward, count = torch.ones(rows, dtype=F64), torch.zeros(rows, dtype=torch.int64)
    result = cl.outcome_at_last_turn(reward=reward, turn_count=count, turns=turns)
    assert result.shape == (rows, turns)
    assert result.dtype == F64


def test_a_reward_without_a_place_is_refused_not_lost():
    reward, count = torch.tensor([1.0, 2.0]), torch.tensor([1, 4])
    with pytest.raises(
        cl.ContractError, match="outcome_at_last_turn: `turn_count` must be at most 3, got 4"
    ):
        cl.outcome_at_last_turn(reward=reward, turn_count=count, turns=3)
