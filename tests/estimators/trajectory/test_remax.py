"""ReMax by hand."""

import pytest
import torch
from helpers import F64

import creditlib as cl


def test_by_hand():
    # 1 − 0.25, 0 − 0.5
    result = cl.remax(reward=torch.tensor([1.0, 0.0]), baseline=torch.tensor([0.25, 0.5]))
    assert result.tolist() == [0.75, -0.5]


def test_an_empty_batch_gives_an_empty_result():
    assert cl.remax(reward=torch.zeros(0), baseline=torch.zeros(0)).shape == (0,)


@pytest.mark.parametrize("pair", [(F64, torch.float32), (torch.float32, F64)])
def test_float64_in_either_argument_is_kept(pair):
    reward, baseline = (torch.ones(1, dtype=dtype) for dtype in pair)
    assert cl.remax(reward=reward, baseline=baseline).dtype == F64
