"""Returns along turns and tokens: gaps carry, rewards in them are folded, against loops."""

import pytest
import torch
from helpers import F64, assert_same, suffix
from hypothesis import given
from hypothesis import strategies as st

from creditlib import layouts
from creditlib.layouts import rows_of
from creditlib.ops import returns
from creditlib.testing import assert_close

SHAPES = [(0, 0), (0, 4), (4, 0), (1, 1), (3, 7), (2, 64), (2, 129)]


def rows(seed, shape):
    """Rewards everywhere, critics everywhere, and turn maps with gaps."""
    draw = torch.Generator().manual_seed(seed)
    turn = torch.where(torch.rand(shape, generator=draw) < 0.4, 0, -1)
    reward = torch.randint(-4, 5, shape, generator=draw).to(F64) / 2
    return reward, torch.randn(shape, generator=draw, dtype=F64), turn


def written_loop(reward, turn, present):
    """[(token, reward)] of the written tokens, gap rewards at the written token before them."""
    mine = [t for t, who in enumerate(turn) if who >= 0]
    earned = {t: reward[t] for t in mine}
    for t, x in enumerate(reward):
        if turn[t] >= 0 or not mine or not present[t]:
            continue
        before = [k for k in mine if k < t]
        earned[before[-1] if before else mine[0]] += x
    return mine, [earned[t] for t in mine]


def between(turn):
    """What a padded row without `present` counts: tokens between written ones."""
    mine = [t for t, who in enumerate(turn) if who >= 0]
    return [bool(mine) and mine[0] < t < mine[-1] for t in range(len(turn))]


def gae_loop(reward, value, mine, gamma, lam, bootstrap):
    advantage, following, result = 0.0, bootstrap, {}
    for t, r in reversed(list(zip(mine, reward, strict=True))):
        advantage = r + gamma * following - value[t] + gamma * lam * advantage
        result[t], following = advantage, value[t]
    return result


def place(mine, values, width):
    result = [0.0] * width
    for t, x in zip(mine, values, strict=True):
        result[t] = x
    return result


def test_turn_returns_by_hand():
    x = torch.tensor([[1.0, 2.0, 4.0], [1.0, torch.nan, torch.nan]])
    real = torch.tensor([[True, True, True], [True, False, False]])
    # 4; 2 + 0.5·4 = 4; 1 + 0.5·4 = 3
    assert returns.turn_returns(x, real, 0.5).tolist() == [[3, 4, 4], [1, 0, 0]]


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=st.integers(0, 10**6), gamma=st.floats(0, 1))
def test_turn_returns_against_a_loop(shape, seed, gamma):
    x, _, _ = rows(seed, shape)
    count = torch.arange(shape[0]) % (shape[1] + 1)
    real = torch.arange(shape[1]) < count[:, None]
    expected = [
        suffix(row[:n], gamma) + [0.0] * (shape[1] - n)
        for row, n in zip(x.tolist(), count.tolist(), strict=True)
    ]
    result = returns.turn_returns(torch.where(real, x, torch.nan), real, gamma)
    assert_close(result, torch.tensor(expected, dtype=F64).reshape(shape))


def test_fold_by_hand():
    # The written tokens are 1 and 3. 1 earns 2 + 4 (the gap after it), 3 earns 8.
    reward = torch.tensor([[1.0, 2.0, 4.0, 8.0, 16.0]])
    turn = torch.tensor([[-1, 0, -1, 1, -1]])
    gaps = returns.find_gaps(turn, None, None)
    assert returns.fold(reward, gaps, None).tolist() == [[0, 6, 0, 8, 0]]
    # Present: the prompt's 1 goes to the first written token, the trailing 16 to the last.
    here = torch.ones(1, 5, dtype=torch.bool)
    assert returns.fold(reward, gaps, here).tolist() == [[0, 7, 0, 24, 0]]
    assert returns.fold(reward, gaps, ~here).tolist() == [[0, 2, 0, 8, 0]]


def test_gae_by_hand():
    reward = torch.tensor([[1.0, 0.0, 2.0]])
    value = torch.tensor([[0.5, torch.nan, 1.0]])
    gaps = returns.find_gaps(torch.tensor([[0, -1, 0]]), None, None)
    # last: 2 + 0.5·4 − 1 = 3; first: 1 + 0.5·1 − 0.5 + 0.5·0.5·3 = 1.75
    result = returns.gae(reward, value, gaps, gamma=0.5, lam=0.5, bootstrap=torch.tensor([4.0]))
    assert result.tolist() == [[1.75, 0, 3]]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", ["padded", "present", "packed"])
@given(seed=st.integers(0, 10**6), gamma=st.floats(0, 1), lam=st.floats(0, 1))
def test_tokens_against_a_loop(shape, layout, seed, gamma, lam):
    reward, value, turn = rows(seed, shape)
    bootstrap = torch.arange(shape[0], dtype=F64) - 1
    length = torch.arange(shape[0]) * 7 % (shape[1] + 1)
    exists = torch.arange(shape[1]) < length[:, None]
    turn = torch.where(exists, turn, -1)
    plain, critic = [], []
    for i, (x, v, who) in enumerate(
        zip(reward.tolist(), value.tolist(), turn.tolist(), strict=True)
    ):
        present = between(who) if layout == "padded" else exists[i].tolist()
        mine, earned = written_loop(x, who, present)
        plain.append(place(mine, suffix(earned, gamma), shape[1]))
        advantage = gae_loop(earned, v, mine, gamma, lam, bootstrap[i].item())
        critic.append(place(mine, [advantage[t] for t in mine], shape[1]))
    expected = [torch.tensor(x, dtype=F64).reshape(shape) for x in (plain, critic)]
    row = offsets = None
    if layout == "packed":
        reward, offsets = layouts.pack(reward, length)
        value, turn, *expected = (layouts.pack(x, length)[0] for x in (value, turn, *expected))
        row = rows_of(offsets, len(reward))
    gaps = returns.find_gaps(turn, row, offsets)
    folded = returns.fold(reward, gaps, exists if layout == "present" else None)
    assert_close(returns.token_returns(folded, gaps, gamma), expected[0])
    result = returns.gae(folded, value, gaps, gamma=gamma, lam=lam, bootstrap=bootstrap)
    assert_close(result, expected[1])


@given(seed=st.integers(0, 10**6))
def test_folding_loses_no_reward_of_a_row_with_written_tokens(seed):
    reward, _, turn = rows(seed, (5, 33))
    turn[:, 0] = 0
    gaps = returns.find_gaps(turn, None, None)
    folded = returns.fold(reward, gaps, torch.ones_like(turn, dtype=torch.bool))
    assert_same(folded.sum(1), reward.sum(1))  # halves: sums are exact
    assert not folded[turn < 0].any()
