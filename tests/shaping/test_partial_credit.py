"""The ladder below failure."""

import pytest
import torch
from helpers import F64

import creditlib as cl
from creditlib.testing import assert_close

SOLVED = torch.tensor([False, False, True, True, True])
SCORE = torch.tensor([5.0, torch.nan, 0.75, torch.nan, torch.inf], dtype=F64)


def test_by_hand():
    # solved counts only with a finite score; the others climb 0.1 per milestone from −10
    count = torch.tensor([0, 3, 7, 7, 1])
    result = cl.partial_credit(solved=SOLVED, score=SCORE, milestones=count)
    assert_close(result, torch.tensor([-10, -9.7, 0.75, -9.3, -9.9], dtype=F64))
    result = cl.partial_credit(
        solved=SOLVED, score=SCORE, milestones=count, failure=-1.0, per_milestone=0.5
    )
    assert result.tolist() == [-1, 0.5, 0.75, 2.5, -0.5]


def test_columns_count_each_milestone_once():
    reached = torch.arange(7) < torch.tensor([0, 3, 7, 7, 1])[:, None]
    count = cl.partial_credit(solved=SOLVED, score=SCORE, milestones=reached.sum(1))
    columns = cl.partial_credit(solved=SOLVED, score=SCORE, milestones=reached)
    assert torch.equal(columns, count)


@pytest.mark.parametrize("milestones", [torch.zeros(0, 3, dtype=torch.bool), torch.zeros(0).int()])
def test_an_empty_batch(milestones):
    result = cl.partial_credit(
        solved=torch.zeros(0, dtype=torch.bool), score=torch.zeros(0), milestones=milestones
    )
    assert result.shape == (0,)
