"""Turn maps: from a mask, and what is counted in them."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from creditlib.inputs.layouts import (
    count_turns,
    offsets_of,
    pack,
    turn_length,
    turns_from_mask,
)

MASKS = st.lists(st.lists(st.booleans(), max_size=7), max_size=5)


def runs(mask):
    """The turn map of one row of a mask, token by token."""
    result, turn = [], -1
    for at, mine in enumerate(mask):
        turn += mine and (at == 0 or not mask[at - 1])
        result.append(turn if mine else -1)
    return result


def padded(rows, fill):
    width = max(map(len, rows), default=0)
    table = [row + [fill] * (width - len(row)) for row in rows]
    return torch.tensor(table).reshape(len(rows), width)


@given(MASKS)
def test_turns_of_a_mask_padded_equal_packed_equal_a_loop(rows):
    expected = [runs(row) for row in rows]
    mask, offsets = padded(rows, False).bool(), offsets_of(lengths(rows))
    assert torch.equal(turns_from_mask(mask), padded(expected, -1).to(torch.int64))
    flat = torch.tensor([x for row in rows for x in row], dtype=torch.bool)
    packed = turns_from_mask(flat, offsets=offsets)
    assert packed.tolist() == [x for row in expected for x in row]


def lengths(rows):
    return torch.tensor([len(row) for row in rows], dtype=torch.int64)


def test_a_row_that_starts_where_the_last_one_ended_begins_a_turn():
    mask, offsets = torch.tensor([True, True, True]), torch.tensor([0, 2, 2, 3])
    assert turns_from_mask(mask, offsets=offsets).tolist() == [0, 0, 0]


@given(MASKS)
def test_counting_turns_is_the_largest_id_plus_one(rows):
    turn = turns_from_mask(padded(rows, False).bool())
    assert count_turns(turn).tolist() == [max(runs(row), default=-1) + 1 for row in rows]


def test_turn_lengths_by_hand():
    # row 0: one prompt token, two tokens of turn 0, tool output, one of turn 1; row 1: turn 0 only
    turn = torch.tensor([[-1, 0, 0, -1, 1], [0, -1, -1, -1, -1]])
    assert turn_length(turn).tolist() == [[2, 1], [1, 0]]
    assert turn_length(turn, 3).tolist() == [[2, 1, 0], [1, 0, 0]]
    packed, offsets = pack(turn, torch.tensor([5, 1]))
    assert turn_length(packed, offsets=offsets).tolist() == [[2, 1], [1, 0]]
    assert turn_length(torch.full((2, 3), -1)).shape == (2, 0)
    assert turn_length(torch.zeros(0, 3, dtype=torch.int32), 2).shape == (0, 2)
    # a bool mask is a map: its runs are turns
    assert turn_length(torch.tensor([[True, True, False, True]])).tolist() == [[2, 1]]


@given(MASKS)
def test_turn_lengths_are_counts_of_a_loop(rows):
    found = [runs(row) for row in rows]
    turns = max((max(row, default=-1) for row in found), default=-1) + 1
    expected = [[row.count(k) for k in range(turns)] for row in found]
    assert turn_length(padded(found, -1).to(torch.int64)).tolist() == expected
    flat = torch.tensor([x for row in found for x in row], dtype=torch.int64)
    assert turn_length(flat, turns, offsets=offsets_of(lengths(rows))).tolist() == expected
