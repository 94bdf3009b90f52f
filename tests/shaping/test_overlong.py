"""The soft fence before the length limit."""

import pytest
import torch
from helpers import F64

import creditlib as cl


def test_by_hand():
    # the fence stands at 10 − 4 = 6: 7 is a quarter over, 8 half, from 10 on all
    length = torch.tensor([0, 6, 7, 8, 10, 99])
    result = cl.overlong_penalty(length=length, limit=10, buffer=4)
    assert result.tolist() == [0, 0, -0.25, -0.5, -1, -1]
    result = cl.overlong_penalty(length=length, limit=10, buffer=4, penalty=2.0)
    assert result.tolist() == [0, 0, -0.5, -1, -2, -2]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.int32, torch.float32), (torch.bfloat16, torch.float32), (F64, F64)],
)
def test_dtype(dtype, expected):
    result = cl.overlong_penalty(length=torch.tensor([7], dtype=dtype), limit=10, buffer=4)
    assert result.dtype == expected
    assert cl.overlong_penalty(length=torch.zeros(0), limit=1, buffer=1).shape == (0,)
