"""Padded rows of tokens as packed ones and back."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from creditlib.inputs.layouts import (
    offsets_of,
    pack,
    unpack,
)


def test_offsets_of_rows_without_tokens():
    assert offsets_of(torch.tensor([0, 2, 0, 0])).tolist() == [0, 0, 2, 2, 2]
    assert offsets_of(torch.zeros(0, dtype=torch.int64)).tolist() == [0]


RAGGED = st.lists(st.lists(st.integers(1, 99), max_size=6), max_size=5)


def padded(rows, side):
    width = max(map(len, rows), default=0)
    pairs = [(row, [0] * (width - len(row))) for row in rows]
    table = [row + more if side == "right" else more + row for row, more in pairs]
    return torch.tensor(table).reshape(len(rows), width)


def lengths(rows):
    return torch.tensor([len(row) for row in rows], dtype=torch.int64)


@pytest.mark.parametrize("side", ["right", "left"])
@given(rows=RAGGED, extra=st.integers(0, 2))
def test_packing_and_unpacking_equal_lists(side, rows, extra):
    flat = [x for row in rows for x in row]
    table = padded(rows, side).to(torch.int64)
    table = torch.nn.functional.pad(table, (0, extra) if side == "right" else (extra, 0))
    packed, offsets = pack(table, lengths(rows), side=side)
    assert packed.tolist() == flat
    assert offsets.tolist() == offsets_of(lengths(rows)).tolist()
    assert torch.equal(pack(table, lengths(rows), side=side, tokens=len(flat))[0], packed)
    assert torch.equal(unpack(packed, offsets, width=table.shape[1], side=side), table)
    assert torch.equal(unpack(packed, offsets, side=side), padded(rows, side).to(torch.int64))


def test_what_lies_in_padding_is_not_packed_and_fill_is_what_is_asked_for():
    x = torch.tensor([[1.0, float("nan")], [float("nan"), float("nan")]])
    packed, offsets = pack(x, torch.tensor([1, 0]))
    assert packed.tolist() == [1.0]
    assert unpack(packed, offsets, width=2, fill=-1).tolist() == [[1, -1], [-1, -1]]


def test_token_features_travel_along():
    x = torch.rand(2, 3, 4)
    packed, offsets = pack(x, torch.tensor([3, 1]))
    assert packed.shape == (4, 4)
    back = unpack(packed, offsets)
    assert torch.equal(back[0], x[0])
    assert torch.equal(back[1, 0], x[1, 0])


# --- padding on both sides ------------------------------------------------------------------------


def test_a_left_padded_prompt_with_a_right_padded_response_by_hand():
    # Row 0: one column of padding, prompt 11 12, response 13, padding; row 1: prompt 21, 22 23.
    tokens = torch.tensor([[0, 11, 12, 13, 0], [0, 0, 21, 22, 23]])
    attention = torch.tensor([[0, 1, 1, 1, 0], [0, 0, 1, 1, 1]])
    packed, offsets = pack(tokens, present=attention)
    assert packed.tolist() == [11, 12, 13, 21, 22, 23]
    assert offsets.tolist() == [0, 3, 6]
    assert torch.equal(unpack(packed, present=attention), tokens)
    # Lengths alone would take padding for tokens, and lose the last token of row 0.
    assert pack(tokens, torch.tensor([3, 3]))[0].tolist() == [0, 11, 12, 0, 0, 21]


CELLS = st.integers(0, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=5
    )
)


@given(cells=CELLS, features=st.sampled_from([(), (2,)]))
def test_packing_what_is_present_and_back_loses_nothing(cells, features):
    present = torch.tensor(cells, dtype=torch.bool).view(len(cells), -1)
    x = torch.arange(1, 1 + present.numel() * 2 ** len(features)).view(*present.shape, *features)
    packed, offsets = pack(x, present=present)
    assert torch.equal(packed, x[present])
    assert offsets.tolist() == [0, *torch.cumsum(present.sum(1), 0).tolist()]
    assert torch.equal(pack(x, present=present, tokens=len(packed))[0], packed)
    shown = present.view(*present.shape, *[1] * len(features))
    assert torch.equal(unpack(packed, present=present), torch.where(shown, x, 0))
    assert torch.equal(unpack(packed, present=present, fill=-7), torch.where(shown, x, -7))
    # Padding on one side: lengths say the same.
    for side, one_sided in (("right", present.sort(1, True)[0]), ("left", present.sort(1)[0])):
        assert torch.equal(pack(x, present=one_sided)[0], pack(x, one_sided.sum(1), side=side)[0])


def test_gradients_go_through_both_ways():
    x = torch.rand(2, 3, requires_grad=True)
    present = torch.tensor([[False, True, True], [True, False, False]])
    packed, _ = pack(x, present=present)
    unpack(packed, present=present).sum().backward()
    assert x.grad.tolist() == present.tolist()
