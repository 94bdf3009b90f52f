"""Tensors as flat arrays: shared where they can be, and what comes back."""

import numpy as np
import pytest
import torch
from helpers import F64

from creditlib.ops.backend.numba_arrays import array, bounds, flat, planes, result_of, target
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


def test_what_is_right_is_shared_and_what_is_absent_has_no_elements():
    x, ids = torch.zeros(2, 3, dtype=F64), torch.zeros(2, dtype=torch.int64)
    flat(x, np.float64)[5] = 7
    flat(ids, np.int64)[1] = 9
    assert (x[1, 2].item(), ids.tolist()) == (7, [0, 9])
    for dtype in (np.float64, np.int64, np.bool_):
        assert (flat(None, dtype).dtype, len(flat(None, dtype))) == (dtype, 0)
    assert flat(None, np.int64) is planes(None, np.int64, (2, 3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, F64])
def test_numbers_of_any_kind_become_float64(dtype):
    x = torch.tensor([[1.5, -2.0], [torch.inf, torch.nan]]).to(dtype)
    for form in (x, x.t().contiguous().t(), torch._neg_view(-x), x.clone().requires_grad_()):
        found = flat(form, np.float64)
        assert (found.dtype, found.flags.c_contiguous) == (np.float64, True)
        assert torch.equal(torch.from_numpy(found).nan_to_num(), x.to(F64).flatten().nan_to_num())


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32, torch.int64])
def test_ids_of_any_kind_become_int64_in_a_row(dtype):
    table = torch.arange(12).to(dtype).view(4, 3)
    for column in (table[:, 1], table[:, 1:2]):
        found = flat(column, np.int64)
        assert found.tolist() == [1, 4, 7, 10]
        assert found.flags.c_contiguous
        assert array(column).flags.c_contiguous


def test_an_axis_of_one_is_repeated():
    assert planes(torch.tensor([[1], [2]]), np.int64, (2, 3)).tolist() == [1, 1, 1, 2, 2, 2]
    assert planes(torch.tensor([[1.0, 2.0]]), np.float64, (2, 2)).tolist() == [1, 2, 1, 2]


def test_a_result_has_the_dtype_of_its_inputs_and_warns_of_nothing():
    values, x = np.array([1.0, 1e300, -np.inf, np.nan]), torch.zeros(2, dtype=torch.bfloat16)
    result = result_of(values, (2, 2), x, None)
    assert (result.dtype, result.shape) == (torch.float32, (2, 2))
    assert str(result.tolist()) == "[[1.0, inf], [-inf, nan]]"
    assert result_of(values, (4,), x, x.to(F64)).dtype is F64
    # A signalling NaN, as memory that nobody wrote may hold.
    signalling = torch.tensor([0x7F800001], dtype=torch.int32).view(torch.float32)
    assert np.isnan(flat(signalling, np.float64)).all()


def test_bounds_of_many_rows_are_made_for_the_call():
    assert bounds(torch.zeros(5, 2), None) is bounds(torch.zeros(5, 2), None)
    many = torch.zeros(5000, 1, dtype=torch.int8)
    assert bounds(many, None) is not bounds(many, None)
    assert bounds(many, None)[-1] == 5000
