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


def test_past_the_limit_the_penalty_stays_or_grows():
    # 10 of a limit of 10: 1; 12 is 6 over of 4: 1.5; 99 is 93 over of 4.
    length = torch.tensor([6, 8, 10, 12, 99])
    options = {"limit": 10, "buffer": 4}
    assert cl.overlong_penalty(length=length, **options).tolist() == [0, -0.5, -1, -1, -1]
    found = cl.overlong_penalty(length=length, **options, beyond="grow", penalty=2.0)
    assert found.tolist() == [0, -1, -2, -3, -46.5]
