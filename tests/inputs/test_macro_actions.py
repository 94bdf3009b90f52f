"""Pieces of turns: by hand, against a loop over tokens, and what holds of all lengths."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.inputs.layouts import macro_actions
from creditlib.testing import assert_close

T = torch.tensor


def test_pieces_by_hand():
    """Turn 0 has four tokens, with a gap behind the third: 2 + 2. Turn 1 has three: 2 + 1."""
    macro, count = macro_actions(T([[-1, 0, 0, 0, -1, 0, 1, 1, 1, -1]]), size=2)
    assert macro.tolist() == [[-1, 0, 0, 1, -1, 1, 2, 2, 3, -1]]
    assert count.tolist() == [4]


def test_a_cut_starts_a_piece_and_the_count_of_tokens():
    """Five tokens, size 2, a cut at the fourth: 2 + 1, then 2."""
    turn, cut = T([[0, 0, 0, 0, 0]]), T([[0, 0, 0, 1, 0]]) == 1
    assert macro_actions(turn, size=2, cut=cut)[0].tolist() == [[0, 0, 1, 2, 2]]
    assert macro_actions(turn, cut=cut)[0].tolist() == [[0, 0, 0, 1, 1]]


def test_a_cut_where_nobody_wrote_is_not_read():
    turn = T([[-1, 0, -1, 0, -1]])
    assert macro_actions(turn, cut=turn < 0)[0].tolist() == [[-1, 0, -1, 0, -1]]


def test_the_last_token_alone():
    """Six tokens of size 5: 5 + 1 with or without. Of seven: 5 + 1 + 1, of one: 1."""
    for length, macro in ((6, [0] * 5 + [1]), (7, [0] * 5 + [1, 2]), (4, [0, 0, 0, 1]), (1, [0])):
        turn = torch.zeros((1, length), dtype=torch.int64)
        found, count = macro_actions(turn, size=5, alone_last=True)
        assert found.tolist() == [macro]
        assert count.tolist() == [macro[-1] + 1]


def test_the_last_token_of_a_row_is_the_last_written_one():
    turn = T([[0, 0, 0, 1, 1, -1, -1], [0, 0, -1, -1, -1, -1, -1]])
    found, count = macro_actions(turn, size=9, alone_last=True)
    assert found.tolist() == [[0, 0, 0, 1, 2, -1, -1], [0, 1, -1, -1, -1, -1, -1]]
    assert count.tolist() == [3, 2]


def test_a_row_ends_a_piece_in_packed_tokens():
    """Rows of 3, 0 and 2 tokens of the same turn."""
    packed = macro_actions(T([0, 0, 0, 0, 0]), size=2, offsets=T([0, 3, 3, 5]))
    assert packed[0].tolist() == [0, 0, 1, 0, 0]
    assert packed[1].tolist() == [2, 0, 1]


def test_a_constant_value_is_never_surprised():
    """Six tokens, pieces of 5, the value 2 everywhere, reward 3 at the end, lam 0: 0 and 1."""
    macro, count = macro_actions(torch.zeros((1, 6), dtype=torch.int64), size=5)
    tokens = cl.layouts.turn_length(macro)
    value = cl.turn_sum(torch.full((1, 6), 2.0), macro, 2) / tokens
    reward = cl.turn_sum(T([[0.0, 0, 0, 0, 0, 3]]), macro, 2)
    advantage, _ = cl.gae(token_reward=reward, value=value, turn=T([[0, 1]]), gamma=1.0, lam=0.0)
    assert_close(advantage, T([[0.0, 1.0]]))
    assert count.tolist() == [2]


EMPTY = {
    "no row": (torch.zeros((0, 3), dtype=torch.int64), None, (0, 3), []),
    "no token": (torch.zeros((2, 0), dtype=torch.int64), None, (2, 0), [0, 0]),
    "nothing written": (torch.full((2, 3), -1), None, (2, 3), [0, 0]),
    "packed, no row": (torch.zeros(0, dtype=torch.int64), T([0]), (0,), []),
    "packed, no token": (torch.zeros(0, dtype=torch.int64), T([0, 0, 0]), (0,), [0, 0]),
}


@pytest.mark.parametrize("case", EMPTY)
def test_nothing_has_no_pieces(case):
    turn, offsets, shape, pieces = EMPTY[case]
    for alone in (False, True):
        macro, count = macro_actions(turn, size=2, alone_last=alone, offsets=offsets)
        assert macro.shape == shape
        assert bool((macro == -1).all())
        assert count.tolist() == pieces


# --- all lengths ----------------------------------------------------------------------------------

# A row is its turns, a turn its tokens: 1 written, 0 a gap inside or behind it, and a cut or none.
TOKEN = st.tuples(st.booleans(), st.booleans())
ROWS = st.lists(st.lists(st.lists(TOKEN, max_size=7), max_size=4), max_size=4)
SIZE = st.none() | st.integers(1, 8)


def tensors(rows):
    """(turn, cut) as packed tensors with their offsets, and padded."""
    flat = [[(k, *token) for k, turn in enumerate(row) for token in turn] for row in rows]
    turn = T([k if wrote else -1 for row in flat for k, wrote, _ in row], dtype=torch.int64)
    cut = T([cuts for row in flat for _, _, cuts in row], dtype=torch.bool)
    offsets = cl.layouts.offsets_of(T([len(row) for row in flat], dtype=torch.int64))
    padded = [cl.layouts.unpack(x, offsets, fill=fill) for x, fill in ((turn, -1), (cut, 1))]
    return turn, cut, offsets, *padded


def by_loop(row, size, cuts, alone_last):
    """The piece of each token of a row, token by token."""
    result, piece, held, before = [], -1, 0, None
    flat = [(k, *token) for k, turn in enumerate(row) for token in turn]
    last = max((at for at, (_, wrote, _) in enumerate(flat) if wrote), default=None)
    for at, (k, wrote, cut) in enumerate(flat):
        if not wrote:
            result.append(-1)
            continue
        if k != before or (cuts and cut) or held == size or (alone_last and at == last):
            piece, held = piece + 1, 0
        result.append(piece)
        held, before = held + 1, k
    return result


@given(ROWS, SIZE, st.booleans(), st.booleans())
def test_pieces_equal_a_loop_packed_and_padded(rows, size, cuts, alone):
    turn, cut, offsets, padded, padded_cut = tensors(rows)
    cuts = cuts or size is None
    wanted = [by_loop(row, size, cuts, alone) for row in rows]
    pieces = [max(row, default=-1) + 1 for row in wanted]
    given_packed = {"cut": cut if cuts else None, "offsets": offsets}
    macro, count = macro_actions(turn, size=size, alone_last=alone, **given_packed)
    assert macro.tolist() == [piece for row in wanted for piece in row]
    assert count.tolist() == pieces
    wide = {"cut": padded_cut if cuts else None}
    macro, count = macro_actions(padded, size=size, alone_last=alone, **wide)
    assert macro.tolist() == [row + [-1] * (padded.shape[1] - len(row)) for row in wanted]
    assert count.tolist() == pieces


@given(ROWS, SIZE, st.booleans(), st.booleans())
def test_no_piece_is_empty_or_too_long(rows, size, cuts, alone):
    *_, turn, cut = tensors(rows)
    cut = cut if cuts or size is None else None
    macro, count = macro_actions(turn, size=size, cut=cut, alone_last=alone)
    length = cl.layouts.turn_length(macro)
    real = torch.arange(length.shape[1]) < count[:, None]
    assert torch.equal(length > 0, real)
    assert int(length.sum()) == int((turn >= 0).sum())
    assert torch.equal(macro >= 0, turn >= 0)
    assert size is None or not length.numel() or int(length.max()) <= size
    assert torch.equal(count, cl.layouts.count_turns(macro))


@given(ROWS)
def test_pieces_of_one_token_are_tokens(rows):
    turn = tensors(rows)[3]
    macro, count = macro_actions(turn, size=1)
    written = turn >= 0
    assert torch.equal(macro, torch.where(written, written.cumsum(1) - 1, -1))
    assert torch.equal(count, written.sum(1))


@given(ROWS)
def test_pieces_as_long_as_the_row_are_the_turns(rows):
    """Turns without tokens have no piece, so pieces number the turns that have some."""
    turn = tensors(rows)[3]
    macro, count = macro_actions(turn, size=max(turn.shape[1], 1))
    for own, pieces, number in zip(turn.tolist(), macro.tolist(), count.tolist(), strict=True):
        order = sorted({k for k in own if k >= 0})
        assert pieces == [order.index(k) if k >= 0 else -1 for k in own]
        assert number == len(order)


@given(ROWS, st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**16))
def test_size_1_is_gae(rows, gamma, lam, seed):
    turn = tensors(rows)[3]
    draw = torch.Generator().manual_seed(seed)
    reward, value = torch.randn((2, *turn.shape), generator=draw, dtype=torch.float64)
    reward = torch.where(turn >= 0, reward, 0)
    macro, count = macro_actions(turn, size=1)
    columns = int(count.max()) if count.numel() else 0
    column = torch.arange(columns)
    over_pieces = cl.gae(
        token_reward=cl.turn_sum(reward, macro, columns),
        value=cl.turn_sum(value, macro, columns),
        turn=torch.where(column < count[:, None], column, -1),
        gamma=gamma,
        lam=lam,
    )
    over_tokens = cl.gae(token_reward=reward, value=value, turn=turn, gamma=gamma, lam=lam)
    for found, wanted in zip(over_pieces, over_tokens, strict=True):
        assert_close(cl.to_tokens(found, macro), wanted)


# --- refusals -------------------------------------------------------------------------------------

TURN = T([[0, 0, 1]])
REFUSED = {
    "neither": (
        lambda: macro_actions(TURN),
        "macro_actions: `size` must be given, or `cut`, or both, got neither.",
    ),
    "size 0": (
        lambda: macro_actions(TURN, size=0),
        "macro_actions: `size` must be an integer at least 1, got 0.",
    ),
    "one axis": (
        lambda: macro_actions(TURN[0], size=2),
        "macro_actions: `turn` must be int[batch token], got torch.int64 (3,).",
    ),
    "ids that go back": (
        lambda: macro_actions(T([[1, 0]]), size=2),
        "macro_actions: `turn` must be ids that never go back along a row, and -1 where the policy "
        "wrote nothing, got 0 after 1 in row 0, token 1; pass a mask as bool, or "
        "`layouts.turns_from_mask(mask)`.",
    ),
    "cut of another width": (
        lambda: macro_actions(TURN, cut=torch.zeros((1, 2), dtype=torch.bool)),
        "macro_actions: `cut` must be bool[batch token] or bool[token], got torch.bool (1, 2) "
        "where `turn` has token 3.",
    ),
    "offsets that end early": (
        lambda: macro_actions(TURN[0], size=2, offsets=T([0, 2])),
        "macro_actions: `offsets` must ",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case, refusal):
    call, sentence = REFUSED[case]
    assert refusal(call).startswith(sentence)
