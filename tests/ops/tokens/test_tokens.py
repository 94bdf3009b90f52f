"""Between levels: to tokens and back, padded and packed, against loops."""

import pytest
import torch
from helpers import F64, QUICK, assert_same, implementation, turn_map
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.inputs import layouts
from creditlib.ops.tokens import reference as spread

SHAPES = [(0, 0, 0), (0, 2, 3), (3, 0, 0), (3, 0, 4), (1, 1, 1), (7, 3, 7), (2, 5, 129)]


def draws(seed, rows, turns, tokens):
    draw = torch.Generator().manual_seed(seed)
    turn = turn_map(rows, turns, tokens, draw)
    credit = torch.randint(-9, 9, (rows, turns), generator=draw).to(F64)
    x = torch.randint(-9, 9, (rows, tokens), generator=draw).to(F64)
    length = torch.randint(0, tokens + 1, (rows,), generator=draw)
    return credit, torch.where(turn >= 0, x, torch.nan), turn, length


def test_by_hand(backend):
    to_tokens = implementation(spread.to_tokens, backend)
    sum_turns = implementation(spread.sum_turns, backend)
    turn = torch.tensor([[0, -1, 0, 1], [-1, -1, 0, -1]])
    credit = torch.tensor([[5.0, 6.0], [7.0, 8.0]])
    assert to_tokens(credit, turn).tolist() == [[5, 0, 5, 6], [0, 0, 7, 0]]
    assert to_tokens(credit[:, 0], turn).tolist() == [[5, 0, 5, 5], [0, 0, 7, 0]]
    weight = torch.tensor([[2.0, torch.nan, 0.5, 1.0], [torch.nan, torch.inf, 3.0, 0.0]])
    # 5·2, nobody, 5·0.5, 6·1; nobody twice, 7·3, nobody
    assert to_tokens(credit, turn, weight=weight).tolist() == [[10, 0, 2.5, 6], [0, 0, 21, 0]]
    x = torch.tensor([[1.0, 9.0, 2.0, 4.0], [9.0, 9.0, 8.0, 9.0]])
    # turn 0 of row 0 wrote tokens 0 and 2: 1 + 2
    assert sum_turns(x, turn, 2).tolist() == [[3, 4], [8, 0]]


def check_spread(backend, shape, seed):
    to_tokens = implementation(spread.to_tokens, backend)
    sum_turns = implementation(spread.sum_turns, backend)
    rows, turns, tokens = shape
    credit, x, turn, length = draws(seed, *shape)
    down = [
        [credit[i][k].item() if k >= 0 else 0.0 for k in row] for i, row in enumerate(turn.tolist())
    ]
    padded = to_tokens(credit, turn)
    assert_same(padded, torch.tensor(down, dtype=F64).reshape(rows, tokens))
    up = [
        [sum(v for v, k in zip(xs, row, strict=True) if k == turn_id) for turn_id in range(turns)]
        for xs, row in zip(x.tolist(), turn.tolist(), strict=True)
    ]
    sums = sum_turns(x, turn, turns)
    assert_same(sums, torch.tensor(up, dtype=F64).reshape(rows, turns))

    flat, offsets = layouts.pack(turn, length)
    row = layouts.rows_of(offsets, len(flat))
    assert row.tolist() == [i for i, n in enumerate(length.tolist()) for _ in range(n)]
    packed = to_tokens(credit, flat, offsets=offsets)
    assert_same(packed, layouts.pack(padded, length)[0])
    per_row = torch.arange(rows, dtype=F64)
    expected = layouts.pack(to_tokens(per_row, turn), length)[0]
    assert_same(to_tokens(per_row, flat, offsets=offsets), expected)
    kept = torch.where(torch.arange(tokens) < length[:, None], turn, -1)
    packed = sum_turns(layouts.pack(x, length)[0], flat, turns, offsets=offsets)
    assert_same(packed, sum_turns(x, kept, turns))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("quick", QUICK)
@given(seed=st.integers(0, 10**6))
def test_padded_against_loops_and_packed_against_padded(quick, shape, seed):
    check_spread(quick, shape, seed)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_backend_against_loops(backend, shape):
    check_spread(backend, shape, 1)


@pytest.mark.parametrize("kind", [torch.int8, torch.int16, torch.int32, torch.int64])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, F64])
def test_dtypes(backend, kind, dtype):
    credit, x, turn, _ = draws(2, 3, 4, 9)
    wide = F64 if dtype == F64 else torch.float32
    down = implementation(spread.to_tokens, backend)(credit.to(dtype), turn.to(kind))
    assert_same(down, spread.to_tokens(credit, turn).to(wide))
    up = implementation(spread.sum_turns, backend)(x.to(dtype), turn.to(kind), 4)
    assert_same(up, spread.sum_turns(x, turn, 4).to(wide))


def test_what_is_counted_may_be_a_mask(backend):
    turn = torch.tensor([[0, 1, 1, -1]])
    run = implementation(spread.sum_turns, backend)
    assert run(turn >= 0, turn, 2).tolist() == [[1, 2]]
    assert run(torch.ones_like(turn), turn, 2).tolist() == [[1, 2]]


def test_a_turn_without_a_column_is_refused(backend, refusal):
    turn = torch.tensor([[0, 3]])
    sentence = refusal(implementation(spread.to_tokens, backend), torch.zeros(1, 2), turn)
    assert sentence == "to_tokens: `turn` must be below the 2 turns of the batch, got 3."
    sentence = refusal(implementation(spread.sum_turns, backend), torch.zeros(1, 2), turn, 2)
    assert sentence == "turn_sum: `turn` must be below the 2 turns of the batch, got 3."


@pytest.mark.parametrize("level", ["row", "turn"])
def test_a_mask_for_a_map_is_refused(backend, level, refusal):
    """0 for the prompt, 1 for the response, 0 for the padding: the ids would go back to turn 0."""
    mask = torch.tensor([[-1, 0, 0, 1], [0, 1, 1, 0]])
    credit = torch.ones(2) if level == "row" else torch.ones(2, 2)
    wanted = (
        "`turn` must be ids that never go back along a row, and -1 where the policy wrote nothing, "
        "got 0 after 1 in row 1, token 3; pass a mask as bool, or `layouts.turns_from_mask(mask)`."
    )
    to_tokens = implementation(spread.to_tokens, backend)
    assert refusal(to_tokens, credit, mask) == f"to_tokens: {wanted}"
    flat, offsets = mask.reshape(-1), torch.tensor([0, 4, 8])
    packed = wanted.replace("token 3", "token 7")
    assert refusal(to_tokens, credit, flat, offsets=offsets) == f"to_tokens: {packed}"
    if level == "turn":
        sum_turns = implementation(spread.sum_turns, backend)
        assert refusal(sum_turns, credit.new_ones(2, 4), mask, 2) == f"turn_sum: {wanted}"


def outcome(run, *args, **more):
    """What a call returns, or the sentence that refuses it."""
    try:
        return run(*args, **more)
    except cl.ContractError as error:
        return str(error)


@pytest.mark.parametrize("tokens", [15, 16, 17, 32, 33, 50])
@pytest.mark.parametrize("turns", [0, 1, 4, 40])
@given(seed=st.integers(0, 10**6))
def test_short_turns_are_looked_up_as_by_the_reference(tokens, turns, seed):
    """Blocks of one turn, of many and of holes; ids without a column and ids that go back."""
    draw = torch.Generator().manual_seed(seed)
    dtype = (torch.int8, torch.int16, torch.int32, torch.int64)[seed % 4]
    share = (0.02, 0.2, 0.7)[seed % 3]
    turn = (torch.rand(3, tokens, generator=draw) < share).cumsum(1)
    turn = turn if seed % 7 == 0 else turn.clamp(max=turns - 1)
    turn = torch.where(torch.rand(3, tokens, generator=draw) < 0.2 * (seed % 2), -2, turn)
    if seed % 5 == 0:
        turn[seed % 3, seed % tokens] = 0
    turn, credit = turn.to(dtype), torch.randn(3, turns, generator=draw)
    weight = torch.where(turn >= 0, torch.rand(3, tokens, generator=draw, dtype=F64), torch.nan)
    for more in ({}, {"weight": weight}):
        expected = outcome(spread.to_tokens, credit, turn, **more)
        for quick in QUICK:
            found = outcome(implementation(spread.to_tokens, quick), credit, turn, **more)
            if isinstance(expected, str):
                assert found == expected
            else:
                assert_same(found, expected)


def test_a_packed_row_may_begin_with_a_lower_turn_than_the_row_before_it_ends(backend):
    turn, offsets = torch.tensor([0, 1, 0, 1]), torch.tensor([0, 2, 4])
    run = implementation(spread.to_tokens, backend)
    try:
        found = run(torch.tensor([3.0, 4.0]), turn, offsets=offsets).tolist()
    except cl.ContractError as error:
        found = str(error)
    assert found == [3, 3, 4, 4]


def test_credit_is_written_into_out_and_nowhere_else(backend):
    credit, _, turn, _ = draws(5, 3, 4, 9)
    around = torch.full((5, 9), 77.0, dtype=F64)
    run = implementation(spread.to_tokens, backend)
    result = run(credit, turn, out=around[1:4])
    assert result.data_ptr() == around[1:4].data_ptr()
    assert_same(result, run(credit, turn))
    assert (around[[0, 4]] == 77).all()


def test_a_negated_view_receives_the_result(backend):
    credit, _, turn, _ = draws(5, 3, 4, 9)
    memory = torch.zeros(3, 9, dtype=F64)
    run = implementation(spread.to_tokens, backend)
    run(credit, turn, out=torch._neg_view(memory))
    assert_same(-memory, run(credit, turn) + 0.0)


def test_packed_tokens_and_offsets_go_together(refusal):
    offsets = torch.tensor([0, 2])
    flat, padded = torch.zeros(2, dtype=torch.int64), torch.zeros(1, 2, dtype=torch.int64)
    assert refusal(spread.check_layout, "f", flat, None).startswith("f: `offsets` must be")
    assert refusal(spread.check_layout, "f", padded, offsets).startswith("f: `turn` must be")
    spread.check_layout("f", padded, None)
    spread.check_layout("f", flat, offsets)
