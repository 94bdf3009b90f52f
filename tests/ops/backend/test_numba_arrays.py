"""Tensors as flat arrays: shared where they can be, and what comes back."""

import torch
from helpers import F64

from creditlib.ops.backend.numba_arrays import array, bounds, target
from creditlib.ops.precision import copy_to_out


def test_a_contiguous_tensor_shares_its_memory():
    x = torch.zeros(2, 3)
    array(x)[4] = 7
    assert x.tolist() == [[0, 0, 0], [0, 7, 0]]
    turned = torch.arange(6).view(2, 3).t()
    assert array(turned).tolist() == [0, 3, 1, 4, 2, 5]


def test_kinds_that_numpy_does_not_count_with():
    assert array(torch.tensor([True, False])).tolist() == [1, 0]
    assert array(torch.tensor([1.5], dtype=torch.bfloat16)).dtype == "float32"
    assert array(torch.tensor([1.5], requires_grad=True)).tolist() == [1.5]


def test_bounds_of_both_layouts():
    assert bounds(torch.zeros(2, 3), None).tolist() == [0, 3, 6]
    assert bounds(torch.zeros(0, 3), None).tolist() == [0]
    offsets = torch.tensor([0, 2, 2], dtype=torch.int32)
    assert bounds(torch.zeros(2), offsets).tolist() == [0, 2, 2]


def test_out_is_written_directly_only_if_it_is_contiguous():
    turn, whole = torch.zeros(2, 3, dtype=torch.int8), torch.zeros(2, 6, dtype=F64)
    direct, spaced = whole.view(4, 3)[:2], whole[:, ::2]
    assert target(turn, F64, direct) is direct
    result = target(turn, F64, spaced)
    assert result.data_ptr() != spaced.data_ptr()
    assert copy_to_out(result.fill_(3), spaced) is spaced
    assert whole.tolist() == [[3, 0] * 3] * 2
    assert copy_to_out(direct, direct) is direct
