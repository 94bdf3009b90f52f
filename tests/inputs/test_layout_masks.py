"""What is a mask."""

import pytest
import torch

from creditlib.inputs.layouts import (
    offsets_of,
    pack,
    turns_from_mask,
    unpack,
)
from creditlib.vocabulary.messages import ContractError

DTYPES = [torch.bool, torch.uint8, torch.int8, torch.int64, torch.bfloat16, torch.float64]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_mask_of_any_dtype_is_one_mask(dtype):
    mask = torch.tensor([[0, 1, 1, 0, 1], [1, 0, 0, 0, 0]])
    turn = [[-1, 0, 0, -1, 1], [0, -1, -1, -1, -1]]
    assert turns_from_mask(mask.to(dtype)).tolist() == turn
    packed, offsets = pack(mask, present=mask.to(dtype))
    assert offsets.tolist() == offsets_of(present=mask.to(dtype)).tolist() == [0, 3, 4]
    assert torch.equal(unpack(packed, present=mask.to(dtype)), mask)


NOT_A_MASK = {
    "labels": (torch.tensor([[1, 0], [0, -100]]), "-100 in row 1, token 1"),
    "token ids": (torch.tensor([[1, 0], [5, 7]]), "5 in row 1, token 0"),
    "NaN": (torch.tensor([[0.0, float("nan")]]), "nan in row 0, token 1"),
    "a weight": (torch.tensor([[0.0, 0.5]]), "0.5 in row 0, token 1"),
}


@pytest.mark.parametrize("case", NOT_A_MASK)
def test_what_is_neither_0_nor_1_is_no_mask(case, refusal):
    mask, fact = NOT_A_MASK[case]
    for argument, call in {
        "mask": turns_from_mask,
        "present": lambda x: pack(torch.zeros(x.shape), present=x),
    }.items():
        name = "pack" if argument == "present" else "turns_from_mask"
        assert refusal(call, mask) == (
            f"{name}: `{argument}` must be 0 or 1 at each token, got {fact}; "
            f"compare it, as `{argument} != 0`, or `labels != -100` for labels."
        )


def test_labels_are_no_mask_by_hand():
    refused = 0
    for call in (turns_from_mask, lambda x: pack(x, present=x), lambda x: offsets_of(present=x)):
        try:
            call(torch.tensor([[-100, -100, 5, 7]]))
        except ContractError:
            refused += 1
    assert refused == 3


def test_the_row_of_a_packed_token_is_named(refusal):
    mask, offsets = torch.tensor([1, 0, 3]), torch.tensor([0, 2, 3])
    assert "got 3 in row 1, token 2" in refusal(turns_from_mask, mask, offsets=offsets)
