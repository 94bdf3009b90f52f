"""Returns along turns and tokens: gaps carry, rewards in them are folded, against loops."""

import functools
from bisect import bisect_left

import pytest
import torch
from helpers import F64, QUICK, assert_same, implementation, suffix
from hypothesis import given
from hypothesis import strategies as st

from creditlib.inputs import layouts
from creditlib.ops.returns import reference as returns
from creditlib.testing import assert_close

NIGHTLY = functools.partial(pytest.param, marks=pytest.mark.nightly)
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
        before = bisect_left(mine, t)  # how many written tokens stand before t
        earned[mine[max(before - 1, 0)]] += x
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


def test_turn_returns_by_hand(backend):
    x = torch.tensor([[1.0, 2.0, 4.0], [1.0, torch.nan, torch.nan]])
    real = torch.tensor([[True, True, True], [True, False, False]])
    # 4; 2 + 0.5·4 = 4; 1 + 0.5·4 = 3
    result = implementation(returns.turn_returns, backend)(x, real, 0.5)
    assert result.tolist() == [[3, 4, 4], [1, 0, 0]]


def check_turn_returns(run, shape, seed, gamma):
    x, _, _ = rows(seed, shape)
    count = torch.arange(shape[0]) % (shape[1] + 1)
    real = torch.arange(shape[1]) < count[:, None]
    expected = [
        suffix(row[:n], gamma) + [0.0] * (shape[1] - n)
        for row, n in zip(x.tolist(), count.tolist(), strict=True)
    ]
    result = run(torch.where(real, x, torch.nan), real, gamma)
    assert_close(result, torch.tensor(expected, dtype=F64).reshape(shape))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("quick", QUICK)
@given(seed=st.integers(0, 10**6), gamma=st.floats(0, 1))
def test_turn_returns_against_a_loop(quick, shape, seed, gamma):
    check_turn_returns(implementation(returns.turn_returns, quick), shape, seed, gamma)


@pytest.mark.parametrize("shape", SHAPES)
def test_turn_returns_of_every_backend(backend, shape):
    check_turn_returns(implementation(returns.turn_returns, backend), shape, 1, 0.9)


def test_fold_by_hand():
    # The written tokens are 1 and 3. 1 earns 2 + 4 (the gap after it), 3 earns 8.
    reward = torch.tensor([[1.0, 2.0, 4.0, 8.0, 16.0]])
    turn = torch.tensor([[-1, 0, -1, 1, -1]])
    gaps = returns.find_gaps(turn, None)
    assert returns.move_unwritten_rewards(reward, gaps, None).tolist() == [[0, 6, 0, 8, 0]]
    # Present: the prompt's 1 goes to the first written token, the trailing 16 to the last.
    here = torch.ones(1, 5, dtype=torch.bool)
    assert returns.move_unwritten_rewards(reward, gaps, here).tolist() == [[0, 7, 0, 24, 0]]
    assert returns.move_unwritten_rewards(reward, gaps, ~here).tolist() == [[0, 2, 0, 8, 0]]


def test_rewards_in_gaps_by_hand(backend):
    reward = torch.tensor([[1.0, 2.0, 4.0, 8.0, 16.0]])
    turn = torch.tensor([[-1, 0, -1, 1, -1]])
    run = implementation(returns.token_returns, backend)
    # As folded above: 8 at token 3 and 6 + 0.5·8 = 10 at token 1.
    assert run(reward, turn, gamma=0.5).tolist() == [[0, 10, 0, 8, 0]]
    here = torch.ones(1, 5, dtype=torch.bool)
    # 8 + 16 = 24 at token 3 and 7 + 0.5·24 = 19 at token 1.
    assert run(reward, turn, gamma=0.5, present=here).tolist() == [[0, 19, 0, 24, 0]]
    assert run(reward, turn, gamma=0.5, present=~here).tolist() == [[0, 6, 0, 8, 0]]
    # Packed into rows of one and four tokens: the first has no written token and loses its reward.
    packed = run(reward[0], turn[0], gamma=0.5, offsets=torch.tensor([0, 1, 5]))
    assert packed.tolist() == [0, 18, 0, 24, 0]


def test_gae_by_hand(backend):
    reward = torch.tensor([[1.0, 0.0, 2.0]])
    value = torch.tensor([[0.5, torch.nan, 1.0]])
    turn = torch.tensor([[0, -1, 0]])
    run = implementation(returns.gae, backend)
    # last: 2 + 0.5·4 − 1 = 3; first: 1 + 0.5·1 − 0.5 + 0.5·0.5·3 = 1.75
    result = run(reward, value, turn, gamma=0.5, lam=0.5, bootstrap=torch.tensor([4.0]))
    assert [x.tolist() for x in result] == [[[1.75, 0, 3]], [[2.25, 0, 4]]]


def check_tokens(backend, shape, layout, seed, gamma, lam):
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
    more = {}
    if layout == "packed":
        reward, offsets = layouts.pack(reward, length)
        value, turn, *expected = (layouts.pack(x, length)[0] for x in (value, turn, *expected))
        more["offsets"] = offsets
    elif layout == "present":
        more["present"] = exists
    run = implementation(returns.token_returns, backend)
    assert_close(run(reward, turn, gamma=gamma, **more), expected[0])
    run = implementation(returns.gae, backend)
    advantage, returned = run(
        reward, value, turn, gamma=gamma, lam=lam, bootstrap=bootstrap, **more
    )
    assert_close(advantage, expected[1])
    assert_close(returned, torch.where(turn >= 0, expected[1] + value, 0))


LAYOUTS = ["padded", "present", "packed"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("quick", QUICK)
@given(seed=st.integers(0, 10**6), gamma=st.floats(0, 1), lam=st.floats(0, 1))
def test_tokens_against_a_loop(quick, shape, layout, seed, gamma, lam):
    check_tokens(quick, shape, layout, seed, gamma, lam)


@pytest.mark.parametrize("shape", [*SHAPES[:-1], NIGHTLY(SHAPES[-1])])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("gamma", "lam"), [(0.9, 0.8), (1.0, 1.0), (0.5, 0.0), (0.0, 0.5)])
def test_tokens_of_every_backend(backend, shape, layout, gamma, lam):
    check_tokens(backend, shape, layout, 1, gamma, lam)


@given(seed=st.integers(0, 10**6))
def test_folding_loses_no_reward_of_a_row_with_written_tokens(seed):
    reward, _, turn = rows(seed, (5, 33))
    turn[:, 0] = 0
    gaps = returns.find_gaps(turn, None)
    folded = returns.move_unwritten_rewards(reward, gaps, torch.ones_like(turn, dtype=torch.bool))
    assert_same(folded.sum(1), reward.sum(1))  # halves: sums are exact
    assert not folded[turn < 0].any()


@pytest.mark.parametrize("seed", range(3))
def test_returns_are_whitened_over_written_tokens(backend, seed):
    reward, _, turn = rows(seed, (5, 33))
    run = implementation(returns.whitened_returns, backend)
    advantage, plain = run(reward, turn, gamma=0.9, eps=1e-8)
    assert_close(plain, returns.token_returns(reward, turn, gamma=0.9))
    mine = plain[turn >= 0]
    expected = (mine - mine.mean()) / (mine.var() + 1e-8).sqrt()
    assert_close(advantage[turn >= 0], expected)
    assert not advantage[turn < 0].any()


def test_equal_returns_whiten_to_nothing(backend):
    reward = torch.where(torch.arange(40).reshape(4, 10) % 10 == 9, 100.3, 0.0)
    turn = torch.where(torch.rand(4, 10) < 2, 0, -1).to(torch.int8)
    run = implementation(returns.whitened_returns, backend)
    advantage, plain = run(reward, turn, gamma=1.0, eps=0.0)
    assert plain.unique().tolist() == [reward.max().item()]
    assert not advantage.any()


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32, torch.int64])
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dtypes(backend, dtype, kind):
    reward, value, turn = rows(3, (2, 9))
    reward, value = reward.to(kind), (value * 2).round().to(kind) / 2  # exact in every dtype
    wide = torch.float64 if kind == torch.float64 else torch.float32
    run = implementation(returns.gae, backend)
    result = run(reward, value, turn.to(dtype), gamma=0.5, lam=1.0)
    expected = returns.gae(reward.to(F64), value.to(F64), turn, gamma=0.5, lam=1.0)
    for ours, theirs in zip(result, expected, strict=True):
        assert ours.dtype == wide
        assert_close(ours, theirs)


def test_rows_need_not_be_contiguous(backend):
    reward, value, turn = rows(4, (3, 12))
    plain = implementation(returns.gae, backend)(reward, value, turn, gamma=0.9, lam=0.8)
    cut = [torch.cat([x, x], 1)[:, :12] for x in (reward, value, turn)]
    assert_same(implementation(returns.gae, backend)(*cut, gamma=0.9, lam=0.8), plain)
    turned = [x.t().contiguous().t() for x in (reward, value, turn)]
    assert_same(implementation(returns.gae, backend)(*turned, gamma=0.9, lam=0.8), plain)


def test_results_are_written_into_out_and_nowhere_else(backend):
    reward, value, turn = rows(5, (3, 12))
    around = [torch.full((5, 12), 77.0, dtype=F64) for _ in range(2)]
    out = tuple(x[1:4] for x in around)
    run = implementation(returns.gae, backend)
    result = run(reward, value, turn, gamma=0.9, lam=0.8, out=out)
    assert [x.data_ptr() for x in result] == [x.data_ptr() for x in out]
    assert_same(result, run(reward, value, turn, gamma=0.9, lam=0.8))
    assert all((x[[0, 4]] == 77).all() for x in around)
    columns = tuple(torch.full((3, 24), 77.0, dtype=F64)[:, ::2] for _ in range(2))
    assert_same(run(reward, value, turn, gamma=0.9, lam=0.8, out=columns), result)
