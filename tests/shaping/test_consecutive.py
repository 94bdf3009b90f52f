"""Progress until the first mistake, by hand."""

import torch

import creditlib as cl


def test_by_hand():
    solved = torch.tensor([[True, True, False, True], [False, True, True, True], [True] * 4])
    found = cl.consecutive(solved_turn=solved, turn_count=torch.tensor([4, 4, 2]))
    assert found.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0]]
    valid = torch.tensor([True, True, False])
    found = cl.consecutive(solved_turn=solved, turn_count=torch.tensor([4, 4, 2]), valid=valid)
    assert not found[2].any()
