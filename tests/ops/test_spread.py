"""Between levels: to tokens and back, padded and packed, against loops."""

import pytest
import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

from creditlib import ContractError, layouts
from creditlib.layouts import rows_of
from creditlib.ops import spread

SHAPES = [(0, 0, 0), (0, 2, 3), (3, 0, 0), (3, 0, 4), (1, 1, 1), (7, 3, 7), (2, 5, 129)]


def draws(seed, rows, turns, tokens):
    draw = torch.Generator().manual_seed(seed)
    turn = torch.randint(-1, max(turns, 1), (rows, tokens), generator=draw)
    if not turns:
        turn.fill_(-1)
    credit = torch.randint(-9, 9, (rows, turns), generator=draw).to(F64)
    x = torch.randint(-9, 9, (rows, tokens), generator=draw).to(F64)
    length = torch.randint(0, tokens + 1, (rows,), generator=draw)
    return credit, torch.where(turn >= 0, x, torch.nan), turn, length


def test_by_hand():
    turn = torch.tensor([[0, -1, 1, 0], [-1, -1, 0, -1]])
    credit = torch.tensor([[5.0, 6.0], [7.0, 8.0]])
    assert spread.to_tokens(credit, turn, None).tolist() == [[5, 0, 6, 5], [0, 0, 7, 0]]
    assert spread.to_tokens(credit[:, 0], turn, None).tolist() == [[5, 0, 5, 5], [0, 0, 7, 0]]
    x = torch.tensor([[1.0, 9.0, 2.0, 4.0], [9.0, 9.0, 8.0, 9.0]])
    # turn 0 of row 0 wrote tokens 0 and 3: 1 + 4
    assert spread.sum_turns(x, turn, 2, 2, None).tolist() == [[5, 2], [8, 0]]


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=st.integers(0, 10**6))
def test_padded_against_loops_and_packed_against_padded(shape, seed):
    rows, turns, tokens = shape
    credit, x, turn, length = draws(seed, *shape)
    down = [
        [credit[i][k].item() if k >= 0 else 0.0 for k in row] for i, row in enumerate(turn.tolist())
    ]
    padded = spread.to_tokens(credit, turn, None)
    assert_same(padded, torch.tensor(down, dtype=F64).reshape(rows, tokens))
    up = [
        [sum(v for v, k in zip(xs, row, strict=True) if k == turn_id) for turn_id in range(turns)]
        for xs, row in zip(x.tolist(), turn.tolist(), strict=True)
    ]
    sums = spread.sum_turns(x, turn, turns, rows, None)
    assert_same(sums, torch.tensor(up, dtype=F64).reshape(rows, turns))

    flat, offsets = layouts.pack(turn, length)
    row = rows_of(offsets, len(flat))
    assert row.tolist() == [i for i, n in enumerate(length.tolist()) for _ in range(n)]
    assert_same(spread.to_tokens(credit, flat, row), layouts.pack(padded, length)[0])
    per_row = torch.arange(rows, dtype=F64)
    expected = spread.to_tokens(per_row, turn, None)
    assert_same(spread.to_tokens(per_row, flat, row), layouts.pack(expected, length)[0])
    kept = torch.where(torch.arange(tokens) < length[:, None], turn, -1)
    packed = spread.sum_turns(layouts.pack(x, length)[0], flat, turns, rows, row)
    assert_same(packed, spread.sum_turns(x, kept, turns, rows, None))


def test_packed_rows_and_offsets_go_together():
    offsets = torch.tensor([0, 2])
    assert spread.packed_rows("f", torch.zeros(1, 2, dtype=torch.int64), None) is None
    with pytest.raises(ContractError, match="f: `offsets` must be"):
        spread.packed_rows("f", torch.zeros(2, dtype=torch.int64), None)
    with pytest.raises(ContractError, match="f: `turn` must be"):
        spread.packed_rows("f", torch.zeros(1, 2, dtype=torch.int64), offsets)
