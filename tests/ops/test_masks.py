"""Which rows and turns take part."""

import pytest
import torch

from creditlib.ops.masks import flat, valid_rows, valid_turns


def test_taken_is_valid_or_everybody():
    like, valid = torch.zeros(3), torch.tensor([True, False, True])
    assert valid_rows(valid, like).tolist() == [True, False, True]
    assert valid_rows(None, like).tolist() == [True, True, True]
    assert valid_rows(None, torch.zeros(0)).tolist() == []


def test_real_turns_by_hand():
    count, valid = torch.tensor([2, 0, 3]), torch.tensor([True, True, False])
    every = [[True, True, False], [False, False, False], [True, True, True]]
    assert valid_turns(count, 3, None).tolist() == every
    assert valid_turns(count, 3, valid).tolist() == [*every[:2], [False] * 3]


@pytest.mark.parametrize(("rows", "turns"), [(0, 0), (0, 3), (3, 0), (1, 1), (7, 129)])
def test_real_turns_count_to_turn_count(rows, turns):
    count = torch.arange(rows) % (turns + 1)
    real = valid_turns(count, turns, None)
    assert real.shape == (rows, turns)
    assert torch.equal(real.sum(1), count)


@pytest.mark.parametrize("shape", [(0, 0), (0, 2), (2, 0), (3, 2)])
def test_flat_repeats_a_row_for_each_of_its_turns(shape):
    x = torch.arange(shape[0]) * 10
    assert flat(x, torch.zeros(shape)).tolist() == [v for v in x.tolist() for _ in range(shape[1])]
