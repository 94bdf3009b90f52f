import enum

import numpy as np
import pytest
import torch

from creditlib.testing.engine.literals import described, exact, literal

VALUES = [
    torch.tensor([0.1, -2.5e-8, 1e30, 10000.3]),
    torch.tensor([0.1, 1 / 3], dtype=torch.float64),
    torch.tensor([0.1, 3.0], dtype=torch.bfloat16),
    torch.tensor([[True, False], [False, False]]),
    torch.tensor([[1, -1], [2**40, 0]]),
    torch.tensor(2.5),
    torch.zeros(0),
    torch.zeros(0, dtype=torch.int64),
    torch.zeros(0, dtype=torch.bool),
    torch.zeros(2, 0),
    torch.zeros(0, 3, dtype=torch.float64),
    torch.tensor([float("nan"), float("inf"), -float("inf")]),
    torch.tensor([3, 4], dtype=torch.int32),
    torch.tensor([0.1], requires_grad=True),
    torch.tensor([0.5], dtype=torch.float16, requires_grad=True),
    torch.zeros(0, 2, requires_grad=True),
    torch.arange(6.0).view(2, 3).t(),
    torch.arange(6.0, dtype=torch.float64).view(2, 3).t().requires_grad_(),
    torch.ones(2, 1).expand(2, 3),
    torch.arange(6).view(2, 3)[:, ::2],
]


@pytest.mark.parametrize(
    "x", VALUES, ids=lambda x: f"{x.dtype}-{tuple(x.shape)}-{x.stride()}-{x.requires_grad}"
)
def test_a_pasted_tensor_is_the_tensor(x):
    again = eval(literal(x))
    assert (again.dtype, again.shape, again.device) == (x.dtype, x.shape, x.device)
    assert (again.requires_grad, again.is_leaf) == (x.requires_grad, True)
    assert again.stride() == x.detach().clone().stride()  # a call gets a clone
    assert torch.equal(again.nan_to_num(7), x.nan_to_num(7))


def test_a_tensor_of_a_device_names_it():
    assert literal(torch.zeros((0, 2), device="meta")) == "torch.zeros((0, 2), device='meta')"


def test_single_numbers_are_as_short_as_they_can_be_told_apart():
    assert literal(torch.tensor([0.1, 2.0])) == "torch.tensor([0.1, 2.0])"
    double = literal(torch.tensor([0.1], dtype=torch.float64))
    assert double == "torch.tensor([0.1], dtype=torch.float64)"


def test_arrays_and_plain_values_are_literals_too():
    assert literal(np.array(["a", "b"], dtype=object)) == "np.array(['a', 'b'], dtype=object)"
    assert literal(np.array([1, 2])) == "np.array([1, 2])"
    assert literal(np.array([1.5], dtype=np.float32)) == "np.array([1.5], dtype='float32')"
    assert literal(None) == "None"
    assert literal("std") == "'std'"


class Choice(enum.Enum):
    MINE = 1


@pytest.mark.parametrize(
    "value",
    [
        float("inf"),
        [(), (1,), [float("-inf"), {"a": None}]],
        {"nested": {"low": 0.5, "of": ("x, y", True)}},
        torch.device("cpu"),
        torch.float64,
        np.float64(0.25),
        np.int64(3),
        Choice.MINE,
        len,
    ],
    ids=str,
)
def test_what_is_nested_or_has_no_literal_of_its_own_can_be_pasted(value):
    again = eval(literal(value), {"torch": torch, "np": np, "Choice": Choice})
    assert again == value
    assert type(again) is type(value)


def test_a_tensor_inside_a_list_and_a_mapping_can_be_pasted():
    again = eval(literal([{"x": torch.tensor([0.5], dtype=torch.float64)}]))
    assert torch.equal(again[0]["x"], torch.tensor([0.5], dtype=torch.float64))


def test_a_result_says_what_is_unusual():
    assert described(torch.tensor([[1 / 3, 2.0]])) == "[[0.333333, 2]]"
    assert described(torch.zeros(1, dtype=torch.bfloat16)) == "[0], torch.bfloat16"
    assert described(torch.zeros(0, 7)) == "[], shape (0, 7)"
    assert described(torch.zeros(1, requires_grad=True)) == "[0], requires_grad"
    assert described(torch.tensor(True)) == "True, torch.bool"
    assert (
        exact(torch.tensor([1 / 3], dtype=torch.float64)) == "[0.3333333333333333], torch.float64"
    )
