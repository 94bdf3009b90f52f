"""Loops at the end by hand and against a plain loop, padded and packed."""

import pytest
import torch
from helpers import assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close

T = torch.tensor


def share(row, **options):
    ids = T([row])
    return float(cl.repeated_tail(token_ids=ids, turn=torch.zeros_like(ids), **options))


def test_by_hand():
    # 1 2 at the end three times: 6 of 7. Phrases of 3 or more do not repeat.
    assert share([9, 1, 2, 1, 2, 1, 2]) == pytest.approx(6 / 7)
    # The longest phrase wins: 1 2 1 2 is one phrase of 4, twice: 8 of 8, as is 1 2 four times.
    assert share([1, 2] * 4) == 1
    # Five times 7: phrases of 2 twice, 4 of 6; one of 1 five times would be 5 of 6.
    assert share([3, 7, 7, 7, 7, 7]) == pytest.approx(4 / 6)
    assert share([3, 7, 7, 7, 7, 7], least=3) == pytest.approx(5 / 6)
    assert share([1, 2, 3]) == 0
    assert share([1, 1]) == 1
    assert share([1]) == 0


def test_the_cap_on_a_phrase():
    row = [1, 2, 3, 4, 1, 2, 3, 4]
    assert share(row, most_phrase=4) == 1
    assert share(row, most_phrase=3) == 0


def test_a_loop_does_not_reach_into_the_row_before():
    ids = T([[5, 1, 2], [1, 2, 0]])
    turn = T([[0, 0, 0], [0, 0, -1]])
    assert cl.repeated_tail(token_ids=ids, turn=turn).tolist() == [0, 0]
    # All is one phrase, and so is the row before: 2 of 2, not 4 of 2.
    same = torch.full((2, 2), 7)
    assert cl.repeated_tail(token_ids=same, turn=torch.zeros_like(same)).tolist() == [1, 1]


def plain(ids, least, most):
    best, size = 0, len(ids)
    for n in range(1, min(size // least, most) + 1):
        run = 0
        while run < size - n and ids[size - 1 - run] == ids[size - 1 - run - n]:
            run += 1
        if 1 + run // n >= least:
            best = (1 + run // n) * n
    return best / max(size, 1)


@given(seed=st.integers(0, 10**6), least=st.integers(2, 4), most=st.sampled_from([1, 3, 128]))
def test_a_plain_loop_padded_and_packed(seed, least, most):
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 3, (5, 14), generator=draw)
    turn = torch.where(torch.rand(5, 14, generator=draw) < 0.7, 0, -1)
    turn[seed % 5] = -1 if seed % 2 else 0
    options = {"least": least, "most_phrase": most}
    found = cl.repeated_tail(token_ids=ids, turn=turn, **options)
    rows = [ids[i][turn[i] >= 0].tolist() for i in range(5)]
    assert_close(found, T([plain(row, least, most) for row in rows]))
    present = (turn >= 0) | (torch.rand(5, 14, generator=draw) < 0.3)
    packed, offsets = cl.layouts.pack(ids, present=present)
    mine, _ = cl.layouts.pack(turn, present=present)
    again = cl.repeated_tail(token_ids=packed, turn=mine, offsets=offsets, **options)
    assert_same(again, found)


def test_no_tokens_and_no_rows():
    empty = torch.zeros(2, 0, dtype=torch.int64)
    assert cl.repeated_tail(token_ids=empty, turn=empty).tolist() == [0, 0]
    assert cl.repeated_tail(token_ids=empty[:0], turn=empty[:0]).shape == (0,)
    wide = torch.zeros(0, 9, dtype=torch.int64)
    assert cl.repeated_tail(token_ids=wide, turn=wide).shape == (0,)
