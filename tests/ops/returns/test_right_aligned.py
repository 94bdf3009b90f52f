"""Rows of written tokens at the right end of a table: blocks, gaps, and rows of any length."""

import contextlib

import pytest
import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.ops.returns import reference as returns
from creditlib.ops.returns import right_aligned as aligned
from creditlib.testing import assert_close

RATES = [(1.0, 1.0), (0.9, 0.8), (0.99, 0.0), (0.0, 0.5)]
# Written tokens of a row: none, one, and around one, two and three blocks.
LENGTHS = [0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 49]


@contextlib.contextmanager
def columns_walked():
    """As on a device whose lengths cannot be read: one step for each column of the batch."""
    own = returns.can_align
    returns.can_align = lambda turn, offsets: False
    try:
        yield
    finally:
        returns.can_align = own


def batch(seed, lengths=LENGTHS, width=60, dtype=F64, share=0.0):
    """Rows of so many written tokens in any places; NaN for the critic where nobody wrote."""
    draw = torch.Generator().manual_seed(seed)
    where = torch.zeros(len(lengths), width, dtype=torch.bool)
    for row, count in zip(where, lengths, strict=True):
        row[torch.randperm(width, generator=draw)[:count]] = True
    turn = torch.where(where, where.cumsum(1) // 3, -1)
    x = torch.randint(-8, 9, (2, *where.shape), generator=draw).to(dtype) / 4
    gap = torch.rand(where.shape, generator=draw) >= share
    reward = torch.where(~where & gap, 0.0, x[0])
    bootstrap = torch.randint(-8, 9, (len(lengths),), generator=draw).to(dtype)
    value = torch.where(where, x[1], torch.nan)
    return {"reward": reward, "value": value, "turn": turn, "bootstrap": bootstrap}


def by_loop(x, gamma, lam):
    """(advantage, returns) token after token, from the end of each row."""
    found = torch.zeros(2, *x["turn"].shape, dtype=F64)
    for i, who in enumerate(x["turn"].tolist()):
        written = [t for t, k in enumerate(who) if k >= 0]
        ahead, advantage, stop = x["bootstrap"][i].item(), 0.0, len(who)
        for t in reversed(written):
            gap = x["reward"][i, t + 1 : stop] if stop < len(who) else x["reward"][i, :0]
            earned = x["reward"][i, t].item() + gap.sum().item()
            value = x["value"][i, t].item()
            advantage = earned + gamma * ahead - value + gamma * lam * advantage
            found[0, i, t], found[1, i, t] = advantage, advantage + value
            ahead, stop = value, t
    return found


def test_two_blocks_by_hand():
    # 18 written tokens with a gap, each earns 1: returns 18, 17, …, 1 from the left.
    turn = torch.zeros(1, 20, dtype=torch.int64)
    turn[0, [3, 9]] = -1
    found = returns.token_returns(torch.where(turn >= 0, 1.0, 0.0), turn, gamma=1.0)
    expected = iter(range(18, 0, -1))
    assert found[0].tolist() == [next(expected) if k >= 0 else 0 for k in turn[0].tolist()]
    # Two full blocks.
    found = returns.token_returns(torch.ones(1, 32), torch.zeros(1, 32).long(), gamma=1.0)
    assert found[0].tolist() == list(range(32, 0, -1))
    # Only the last one earns: 2^17 halves once for each written token in front of it.
    reward = torch.zeros(1, 20)
    reward[0, 19] = 2.0**17
    found = returns.token_returns(reward, turn, gamma=0.5)
    assert found[0, turn[0] >= 0].tolist() == [2.0**k for k in range(18)]


def test_the_table_by_hand():
    turn = torch.tensor([[0, -1, 0, -1], [-1, -1, -1, -1], [-1, 2, -1, -1]])
    written = aligned.list_written(turn)
    assert written.at.tolist() == [0, 2, 9]
    assert written.counts.tolist() == [2, 0, 1]
    assert written.end.tolist() == [2, 2, 3]
    assert written.right.shape == (3, aligned.BLOCK)
    assert written.right.sum(1).tolist() == [2, 0, 1]
    assert written.right[:, -1].tolist() == [True, False, True]
    x = torch.arange(12.0).view(3, 4)
    assert aligned.listed(x, written).tolist() == [0, 2, 9]
    # After the last token of a row comes what is given for the row.
    last = torch.tensor([7.0, 8.0, 6.0])
    assert aligned.following(torch.tensor([1.0, 2.0, 3.0]), written, last).tolist() == [2, 7, 6]
    assert aligned.following(torch.tensor([1.0, 2.0, 3.0]), written, None).tolist() == [2, 0, 0]
    assert aligned.on_tokens(torch.tensor([1.0, 2.0, 3.0]), written, turn)[2].tolist() == [
        *(0, 3, 0, 0)
    ]


def test_ids_go_back_within_a_row_only():
    turns = {
        ((0, 1), (0, 1)): False,
        ((1, -1), (0, 0)): False,
        ((-1, -1), (1, 0)): True,
        ((1, 0), (-1, -1)): True,
        ((2, 2), (-1, -1), (1, 1)): False,
    }
    for rows, wrong in turns.items():
        turn = torch.tensor(rows)
        assert aligned.goes_back(turn, aligned.list_written(turn)) == wrong
        if wrong:
            with pytest.raises(cl.ContractError, match="ids that never go back"):
                returns.token_returns(torch.zeros(turn.shape), turn, gamma=1.0)


def test_packed_rows_are_not_aligned():
    turn = torch.tensor([0, -1])
    assert not aligned.can_align(turn, torch.tensor([0, 2]))
    assert not aligned.can_align(turn[None].to("meta"), None)
    assert aligned.can_align(turn[None], None)


@pytest.mark.parametrize(("gamma", "lam"), RATES)
@given(seed=st.integers(0, 10**6), share=st.sampled_from([0.0, 0.3]))
def test_blocks_against_a_loop(gamma, lam, seed, share):
    x = batch(seed, share=share)
    assert_close(torch.stack(returns.gae(**x, gamma=gamma, lam=lam)), by_loop(x, gamma, lam))
    plain = {**x, "value": torch.zeros_like(x["value"]), "bootstrap": torch.zeros(len(LENGTHS))}
    expected = by_loop(plain, gamma, 1.0)[1]
    assert_close(returns.token_returns(x["reward"], x["turn"], gamma=gamma), expected)


def test_rows_whose_lengths_cannot_be_read():
    """The walk over all columns, which a GPU takes, gives the same numbers."""
    for number, (gamma, lam) in enumerate(RATES):
        for share in (0.0, 0.3):
            x = batch(number, share=share)
            with columns_walked():
                found = torch.stack(returns.gae(**x, gamma=gamma, lam=lam))
                plain = returns.token_returns(x["reward"], x["turn"], gamma=gamma)
            assert_close(found, by_loop(x, gamma, lam))
            assert not found[:, x["turn"] < 0].any()
            assert_close(plain, returns.token_returns(x["reward"], x["turn"], gamma=gamma))
            assert not plain[x["turn"] < 0].any()


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@given(seed=st.integers(0, 10**6))
def test_neither_padding_nor_its_side_nor_gaps_nor_other_rows_change_a_bit(dtype, seed):
    x = batch(seed, dtype=dtype)
    mine = x["turn"] >= 0
    expected = torch.stack(returns.gae(**x, gamma=0.97, lam=0.9))
    plain = returns.token_returns(x["reward"], x["turn"], gamma=0.97)
    tokens = ("reward", "value", "turn")
    for left, right in ((0, 1), (1, 0), (13, 70)):
        fills = {"reward": torch.nan, "value": torch.nan, "turn": -1}
        padded = {n: torch.nn.functional.pad(x[n], (left, right), value=fills[n]) for n in tokens}
        padded = {**x, **padded}
        found = torch.stack(returns.gae(**padded, gamma=0.97, lam=0.9))
        assert_same(found[..., left : left + 60], expected)
        found = returns.token_returns(padded["reward"], padded["turn"], gamma=0.97)
        assert_same(found[:, left : left + 60], plain)
    for i in range(len(LENGTHS)):  # alone, and without its gaps
        row = {name: each[i : i + 1] for name, each in x.items()}
        assert_same(torch.stack(returns.gae(**row, gamma=0.97, lam=0.9))[:, 0], expected[:, i])
        solid = {name: row[name][:, mine[i]] for name in tokens}
        found = torch.stack(returns.gae(**{**row, **solid}, gamma=0.97, lam=0.9))
        assert_same(found[:, 0], expected[:, i, mine[i]])


@pytest.mark.parametrize("decay", [1.0, 0.5])
def test_nan_goes_to_the_left_of_its_row_only(decay):
    turn = torch.zeros(3, 40, dtype=torch.int64)
    reward = torch.ones(3, 40)
    reward[1, 20] = torch.nan
    found = returns.token_returns(reward, turn, gamma=decay)
    assert found.isnan().nonzero().tolist() == [[1, t] for t in range(21)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (3, 0), (1, 1), (1, 40)])
def test_rows_without_tokens(shape):
    turn, x = torch.full(shape, -1), torch.full(shape, torch.nan)
    for part in returns.gae(x, x, turn, gamma=0.9, lam=0.9, bootstrap=torch.ones(shape[0])):
        assert_same(part, torch.zeros(shape))
    assert_same(returns.token_returns(x, turn, gamma=0.9), torch.zeros(shape))


def test_what_needs_a_gradient_or_lies_apart_is_read():
    x = batch(4)
    expected = returns.gae(**x, gamma=0.9, lam=0.8)
    apart = {n: each.T.contiguous().T if each.ndim == 2 else each for n, each in x.items()}
    assert_same(returns.gae(**apart, gamma=0.9, lam=0.8), expected)
    negated = {**x, "value": torch._neg_view(-x["value"]), "reward": torch._neg_view(-x["reward"])}
    assert_same(returns.gae(**negated, gamma=0.9, lam=0.8), expected)
    given = {"token_reward": x["reward"], "value": x["value"].clone().requires_grad_()}
    given |= {"turn": x["turn"], "bootstrap": x["bootstrap"]}
    assert_same(cl.gae(**given, gamma=0.9, lam=0.8, backend="torch"), expected)
