"""Down to tokens and up again by hand; whitening as published, without reading tokens."""

import pytest
import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.inputs import layouts
from creditlib.testing import assert_close, random_arguments

pytestmark = pytest.mark.usefixtures("backend")  # every backend there is

TURN = torch.tensor([[0, -1, 0, 1], [-1, 0, -1, -1]])
CREDIT = torch.tensor([[5.0, 6.0], [7.0, torch.nan]])


def test_to_tokens_by_hand():
    assert cl.to_tokens(CREDIT, TURN).tolist() == [[5, 0, 5, 6], [0, 7, 0, 0]]
    assert cl.to_tokens(CREDIT[:, 0], TURN).tolist() == [[5, 0, 5, 5], [0, 7, 0, 0]]
    weight = torch.tensor([[2.0, torch.nan, 0.5, 0.0], [torch.inf, 3.0, 9.0, 9.0]])
    result = cl.to_tokens(CREDIT, TURN, weight=weight)
    assert result.tolist() == [[10, 0, 2.5, 0], [0, 21, 0, 0]]


def test_packed_by_hand():
    # rows of 3 and 1 tokens
    packed = torch.tensor([0, -1, 1, 0])
    offsets = torch.tensor([0, 3, 4])
    assert cl.to_tokens(CREDIT, packed, offsets=offsets).tolist() == [5, 0, 6, 7]
    assert cl.to_tokens(CREDIT[:, 0], packed, offsets=offsets).tolist() == [5, 0, 5, 7]
    x = torch.tensor([1.0, 2.0, 4.0, 8.0])
    assert cl.turn_sum(x, packed, 2, offsets=offsets).tolist() == [[1, 4], [8, 0]]


def test_out_receives_the_result_or_is_refused():
    out = torch.full(TURN.shape, torch.nan)
    assert cl.to_tokens(CREDIT, TURN, out=out) is out
    assert out.tolist() == [[5, 0, 5, 6], [0, 7, 0, 0]]
    with pytest.raises(cl.ContractError, match="to_tokens: `out` must be"):
        cl.to_tokens(CREDIT, TURN, out=out.double())


def test_a_place_to_write_into_that_would_lose_something_is_refused(refusal):
    out = torch.zeros(TURN.shape)
    row = torch.zeros(TURN.shape[0], 1).expand(TURN.shape)
    assert refusal(cl.to_tokens, CREDIT, TURN, out=row) == (
        "to_tokens: `out` must be memory of its own, got a tensor whose elements overlap; "
        "give a new tensor."
    )
    given = {"token_reward": out, "turn": TURN, "gamma": 0.5}
    row0 = out.clone()
    pairs = {
        "two tensors, (advantage, returns), got torch.float32 (2, 4)": out.clone(),
        "memory of its own, got two tensors that overlap; give a new tensor": (row0, row0),
        "torch.float32 (2, 4), got torch.float64 (2, 4)": (out.clone(), out.double()),
        "torch.float32 (2, 4) on cpu, got meta": (out.clone(), out.to("meta")),
    }
    for function, more in ((cl.gae, {"value": out, "lam": 0.5}), (cl.reinforce_plus_plus, {})):
        for sentence, pair in pairs.items():
            said = refusal(function, **given, **more, out=pair)
            assert said == f"{function.__name__}: `out` must be {sentence}."


def test_a_turn_without_a_column_is_refused():
    with pytest.raises(cl.ContractError, match="to_tokens: `turn` must be below the 1 turns"):
        cl.to_tokens(CREDIT[:, :1], TURN)
    with pytest.raises(cl.ContractError, match="turn_sum: `turn` must be below the 1 turns"):
        cl.turn_sum(torch.ones(2, 4), TURN, 1)


def test_turn_sum_by_hand():
    x = torch.tensor([[1.0, torch.nan, 2.0, 4.0], [9.0, 8.0, 9.0, 9.0]])
    assert cl.turn_sum(x, TURN, 3).tolist() == [[3, 4, 0], [8, 0, 0]]
    # how many tokens each turn wrote, as a count and from a mask
    ones = torch.ones(2, 4, dtype=torch.int64)
    assert cl.turn_sum(ones, TURN, 2).tolist() == [[2, 1], [1, 0]]
    assert cl.turn_sum(ones.bool(), TURN, 2).tolist() == [[2, 1], [1, 0]]


@pytest.mark.parametrize(("rows", "tokens", "turns"), [(0, 0, 0), (0, 4, 2), (2, 0, 2), (2, 4, 0)])
def test_nothing_to_write(rows, tokens, turns):
    turn = torch.full((rows, tokens), -1)
    assert cl.to_tokens(torch.ones(rows, turns), turn).tolist() == [[0.0] * tokens] * rows
    assert cl.to_tokens(torch.ones(rows), turn).shape == (rows, tokens)
    assert cl.turn_sum(torch.ones(rows, tokens), turn, turns).tolist() == [[0.0] * turns] * rows
    offsets, packed = layouts.offsets_of(torch.full((rows,), tokens)), turn.flatten()
    assert cl.turn_sum(torch.ones(rows * tokens), packed, turns, offsets=offsets).shape == (
        rows,
        turns,
    )


def test_whiten_by_hand():
    # 1, 3 once: mean 2, variance 2; plus eps 2: divided by 2
    credit = torch.tensor([1.0, 3.0, torch.nan], dtype=F64)
    mask = torch.tensor([True, True, False])
    assert cl.whiten(credit, mask, eps=2.0).tolist() == [-0.5, 0.5, 0]
    assert [x.item() for x in cl.whitening_stats(credit, mask, eps=2.0)] == [2, 0.5]
    # 1 twice and 4 once: mean 2, squares 1 + 1 + 4 over 2
    weight = torch.tensor([2, 1, 0])
    credit[1] = 4
    assert [x.item() for x in cl.whitening_stats(credit, weight, eps=1.0)] == [2, 0.5]


def test_too_little_to_whiten():
    credit = torch.tensor([3.0, torch.nan])
    nothing = torch.tensor([False, False])
    mean, rstd = cl.whitening_stats(credit, nothing, eps=0.25)
    assert (mean.item(), rstd.item()) == (0, 2)
    assert cl.whiten(credit, nothing).tolist() == [0, 0]
    assert cl.whiten(credit, torch.tensor([True, False])).tolist() == [0, 0]
    assert cl.whiten(torch.full((5,), 0.7), torch.arange(5)).tolist() == [0] * 5
    for constant in (0.7, 100.1, 1 / 3, 1e9 + 0.1):
        for rows in range(2, 30):
            equal, count = torch.full((rows,), constant, dtype=F64), torch.arange(1, rows + 1)
            assert cl.whiten(equal, count, eps=0.0).tolist() == [0] * rows


@pytest.mark.parametrize("level", ["batch", "turn"])
@given(seed=st.integers(0, 10**6))
def test_whitening_by_counts_is_whitening_over_tokens(level, seed):
    x = random_arguments(cl.pure, seed=seed, dtype=F64, optional=True)
    turn = random_arguments(cl.gae, seed=seed)["turn"]
    credit, count = x["process_reward"], x["turn_length"]
    if level == "batch":
        credit, count = x["reward"], x["length"]
    tokens = cl.to_tokens(credit, turn)
    over_tokens = cl.whiten(tokens, turn >= 0)
    assert_close(cl.to_tokens(cl.whiten(credit, count), turn), over_tokens)


def test_whiten_leaves_garbage_unread_and_input_as_it_was():
    credit = torch.tensor([[1.0, torch.nan], [3.0, torch.inf]])
    kept = credit.clone()
    weight = torch.tensor([[1, 0], [1, 0]])
    result = cl.whiten(credit, weight)
    assert_same(result[:, 1], torch.zeros(2))
    assert torch.equal(credit.nan_to_num(), kept.nan_to_num())


@pytest.mark.parametrize("shape", [(0,), (0, 3), (5,), (4, 7)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, F64])
def test_whitened_values_are_written_into_out(shape, dtype):
    draw = torch.Generator().manual_seed(1)
    credit = torch.randn(shape, generator=draw).to(dtype)
    weight = torch.randint(0, 3, shape, generator=draw)
    credit[weight == 0] = torch.nan
    expected = cl.whiten(credit, weight)
    out = torch.full_like(expected, 7)
    assert cl.whiten(credit, weight, out=out) is out
    assert_same(out, expected)
    columns = torch.full((*shape, 2), 7, dtype=expected.dtype)
    assert_same(cl.whiten(credit, weight, out=columns[..., 0]), expected)
    assert_same(columns[..., 0], expected)
    assert (columns[..., 1] == 7).all()


def test_whitening_in_place_by_hand():
    # 1 and 3: mean 2, variance 2; plus eps 2: divided by 2
    credit, weight = torch.tensor([1.0, 3.0, torch.nan]), torch.tensor([1, 1, 0])
    assert cl.whiten(credit, weight, eps=2.0, out=credit) is credit
    assert credit.tolist() == [-0.5, 0.5, 0]
    # Its elements may lie apart, and in any order.
    for place in (torch.zeros(3, 2)[:, 1], torch.zeros(2, 3, 1).expand(2, 3, 1)[1, :, 0]):
        place.copy_(torch.tensor([1.0, 3.0, torch.nan]))
        assert cl.whiten(place, weight, eps=2.0, out=place).tolist() == [-0.5, 0.5, 0]


def test_whitening_into_other_memory_of_an_input_is_refused(refusal):
    memory, weight = torch.zeros(4), torch.ones(3)
    assert refusal(cl.whiten, memory[:3], weight, out=memory[1:]) == (
        "whiten: `out` must be memory of its own, got memory of `credit`; give a new tensor."
    )
    square = torch.zeros(2, 2)
    assert refusal(cl.whiten, square, torch.ones(2, 2), out=square.T) == (
        "whiten: `out` must be memory of its own, got memory of `credit`; give a new tensor."
    )
    assert refusal(cl.whiten, torch.ones(3), weight, out=weight) == (
        "whiten: `out` must be memory of its own, got memory of `weight`; give a new tensor."
    )
    assert refusal(cl.whiten, memory.half(), torch.ones(4), out=memory.half()) == (
        "whiten: `out` must be torch.float32 (4,), got torch.float16 (4,)."
    )
