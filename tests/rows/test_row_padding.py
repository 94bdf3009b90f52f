"""Rows of several lengths, and pieces of longer rows, there and back."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from creditlib.rows.padding import Segments, padded, unpadded


def test_nothing_is_nothing():
    assert padded([]).shape == (0, 0)
    assert unpadded(torch.zeros(0, 0), []) == []
    assert padded([torch.zeros(0), torch.ones(1)], fill=7).tolist() == [[7.0], [1.0]]


@given(st.lists(st.lists(st.integers(-3, 3), max_size=4), min_size=1, max_size=5))
def test_rows_come_back(rows):
    tensors = [torch.tensor(row, dtype=torch.int64) for row in rows]
    back = unpadded(padded(tensors, fill=9), [len(row) for row in rows])
    assert [row.tolist() for row in back] == rows


def test_rows_that_come_back_have_memory_of_their_own():
    whole = torch.ones(1, 2)
    unpadded(whole, [1])[0][0] = 5.0
    assert whole.tolist() == [[1.0, 1.0]]


@given(st.integers(1, 4), st.integers(1, 6), st.randoms(use_true_random=False))
def test_pieces_are_what_lies_between_their_beginnings(rows, time, random):
    begins = torch.tensor([[random.random() < 0.4 for _ in range(time)] for _ in range(rows)])
    x = torch.arange(rows * time).view(rows, time)
    pieces = Segments.of(begins)
    taken = pieces.take(x, fill=-1)
    # A plain loop: a new list at each beginning and at each row.
    expected = []
    for row in range(rows):
        for t in range(time):
            if t == 0 or begins[row, t]:
                expected.append([])
            expected[-1].append(int(x[row, t]))
    assert [[v for v in row if v >= 0] for row in taken.tolist()] == expected
    assert torch.equal(pieces.back(taken), x)
    assert x[pieces.row, pieces.last].tolist() == [piece[-1] for piece in expected]


def test_no_rows_and_no_time():
    for shape in ((0, 3), (0, 0)):
        pieces = Segments.of(torch.zeros(shape, dtype=torch.bool))
        assert pieces.take(torch.zeros(shape)).shape[0] == 0
