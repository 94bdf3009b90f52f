"""The token whose value is that of its turn, padded and packed, against loops."""

import pytest
import torch
from helpers import assert_same, turn_map
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.inputs.layouts import offsets_of, pack, turn_ends, turn_values

NAN = torch.nan


def test_by_hand():
    # A prompt, a turn of two tokens, tool output of one, a turn of one, padding. Row 1 has no
    # prompt, and its turn 1 no token.
    value = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0, NAN], [6.0, 7.0, NAN, NAN, NAN, NAN]])
    turn = torch.tensor([[-1, 0, 0, -1, 1, -1], [0, 2, -1, -1, -1, -1]])
    assert turn_values(value, turn, 3).tolist() == [[2, 5, 0], [6, 0, 7]]
    assert turn_values(value, turn, 3, at="last").tolist() == [[3, 5, 0], [6, 0, 7]]
    assert turn_values(value, turn, 3, at="before").tolist() == [[1, 4, 0], [6, 0, 6]]
    # The token before the first turn of row 0 is padding: its first token is read instead.
    here = torch.tensor([[False, True, True, True, True, False], [True, True] + [False] * 4])
    before = turn_values(value, turn, 3, at="before", present=here)
    assert before.tolist() == [[2, 4, 0], [6, 0, 6]]
    ends = [[False, False, True, False, True, False], [True, True] + [False] * 4]
    assert turn_ends(turn).tolist() == ends


def loop(value, turn, at):
    found = [0.0] * 4
    for k in range(4):
        own = [t for t, who in enumerate(turn) if who == k]
        if own:
            place = own[-1] if at == "last" else own[0] - (at == "before" and own[0] > 0)
            found[k] = value[place]
    return found


@pytest.mark.parametrize("at", ["first", "last", "before"])
@given(seed=st.integers(0, 10**6))
def test_padded_and_packed_are_a_loop(at, seed):
    draw = torch.Generator().manual_seed(seed)
    turn = turn_map(3, 4, 9, draw)
    value = torch.randn(3, 9, generator=draw)
    wanted = torch.tensor(
        [loop(*row, at) for row in zip(value.tolist(), turn.tolist(), strict=True)]
    )
    assert_same(turn_values(value, turn, 4, at=at), wanted)
    length = torch.tensor([9, 4, 0])
    cut = torch.where(torch.arange(9) < length[:, None], turn, -1)
    packed = turn_values(
        pack(value, length)[0], pack(turn, length)[0], 4, at=at, offsets=offsets_of(length)
    )
    assert_same(packed, turn_values(value, cut, 4, at=at))
    ends = turn_ends(pack(turn, length)[0], offsets=offsets_of(length))
    assert_same(ends, pack(turn_ends(cut), length)[0])
    assert_same(
        turn_values(value, turn, 4, at="last"), cl.turn_sum(value * turn_ends(turn), turn, 4)
    )


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_no_tokens(shape):
    turn = torch.full(shape, -1)
    for at in ("first", "last", "before"):
        found = turn_values(torch.zeros(shape), turn, 2, at=at)
        assert_same(found, torch.zeros(shape[0], 2))
    assert turn_ends(turn).shape == shape


def test_what_cannot_be_read_is_refused():
    value = torch.zeros(1, 2)
    with pytest.raises(cl.ContractError, match="turn_values: `turn` must be below the 1 `turns`"):
        turn_values(value, torch.tensor([[0, 1]]), 1)
    for function in (lambda turn: turn_values(value, turn, 3), turn_ends):
        with pytest.raises(cl.ContractError, match="`turn`"):
            function(torch.tensor([[1, 0]]))
    with pytest.raises(cl.ContractError, match=r"int\[batch token\]"):
        turn_ends(torch.tensor([0, 1]))
