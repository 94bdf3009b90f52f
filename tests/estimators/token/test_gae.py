"""GAE by hand, with gaps, rewards in gaps and bootstraps; packed equals padded."""

import pytest
import torch
from helpers import F64, assert_same, span
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.inputs import layouts
from creditlib.testing import assert_close

NAN = torch.nan


def batch(seed, rows=6, tokens=17):
    """Ragged rows with gaps; values and rewards off the policy's tokens are arbitrary."""
    draw = torch.Generator().manual_seed(seed)
    turn = torch.where(torch.rand(rows, tokens, generator=draw) < 0.5, 0, -1)
    value = torch.randn(rows, tokens, generator=draw, dtype=F64)
    reward = torch.randn(rows, tokens, generator=draw, dtype=F64)
    reward = torch.where(span(turn >= 0), reward, NAN)
    return {
        "token_reward": reward,
        "value": torch.where(turn >= 0, value, NAN),
        "turn": turn,
        "bootstrap": torch.randn(rows, generator=draw, dtype=F64),
    }


def loop(reward, value, turn, bootstrap, gamma, lam):
    """Advantages of one row, token by token from its end."""
    advantage, following, earned, result = 0.0, bootstrap, 0.0, [0.0] * len(turn)
    last = max((t for t, who in enumerate(turn) if who >= 0), default=-1)
    first = min((t for t, who in enumerate(turn) if who >= 0), default=0)
    for t in range(last, first - 1, -1):
        earned += reward[t]  # of the gap behind the token, and its own
        if turn[t] >= 0:
            delta = earned + gamma * following - value[t]
            advantage = delta + gamma * lam * advantage
            result[t], following, earned = advantage, value[t], 0.0
    return result


def test_by_hand():
    tensors = {
        "token_reward": torch.tensor([[NAN, 0.0, 2.0, 1.0, NAN]]),
        "value": torch.tensor([[NAN, 0.5, NAN, 1.0, NAN]]),
        "turn": torch.tensor([[-1, 0, -1, 1, -1]]),
    }
    # last: 1 − 1 = 0; first: (0 + 2) + 0.5·1 − 0.5 + 0.25·0 = 2. Returns add the critic.
    advantage, returns = cl.gae(**tensors, gamma=0.5, lam=0.5)
    assert advantage.tolist() == [[0, 2, 0, 0, 0]]
    assert returns.tolist() == [[0, 2.5, 0, 1, 0]]
    # cut off with 4 to come: last 1 + 0.5·4 − 1 = 2, first 2 + 0.25·2
    advantage, _ = cl.gae(**tensors, gamma=0.5, lam=0.5, bootstrap=torch.tensor([4.0]))
    assert advantage.tolist() == [[0, 2.5, 0, 2, 0]]


@given(seed=st.integers(0, 10**6), gamma=st.floats(0, 1), lam=st.floats(0, 1))
def test_against_a_loop(seed, gamma, lam):
    x = batch(seed)
    rows = zip(*(x[name].tolist() for name in x), strict=True)
    expected = torch.tensor([loop(*row, gamma, lam) for row in rows], dtype=F64)
    advantage, returns = cl.gae(**x, gamma=gamma, lam=lam)
    assert_close(advantage, expected)
    mine = x["turn"] >= 0
    assert_close(returns, torch.where(mine, expected + x["value"], 0))
    assert_same(torch.where(mine, 0, advantage), torch.zeros_like(advantage))


@given(seed=st.integers(0, 10**6), side=st.sampled_from(["left", "right"]))
def test_packed_equals_padded(seed, side):
    x = batch(seed)
    x["token_reward"] = x["token_reward"].nan_to_num(0)
    length = torch.full((6,), 17)
    length[2:4] = torch.tensor([0, 5])
    exists = torch.arange(17) < length[:, None]
    exists = exists.flip(1) if side == "left" else exists
    x["turn"] = torch.where(exists, x["turn"], -1)
    padded = cl.gae(**x, gamma=0.9, lam=0.8, present=exists)
    names = ("token_reward", "value", "turn")
    packed = {name: layouts.pack(x[name], length, side=side)[0] for name in names}
    offsets = layouts.offsets_of(length)
    result = cl.gae(**packed, bootstrap=x["bootstrap"], gamma=0.9, lam=0.8, offsets=offsets)
    for ours, theirs in zip(result, padded, strict=True):
        assert_close(ours, layouts.pack(theirs, length, side=side)[0])


@pytest.mark.parametrize("option", ["gamma", "lam"])
def test_every_number_matters(option):
    x = batch(3)
    options = {"gamma": 0.9, "lam": 0.8}
    other = {**options, option: 0.5}
    assert not torch.equal(cl.gae(**x, **options)[0], cl.gae(**x, **other)[0])


def test_a_row_without_written_tokens_is_all_zero():
    unwritten = torch.full((1, 3), -1)
    garbage = torch.full((1, 3), 1e30)
    result = cl.gae(token_reward=garbage, value=garbage, turn=unwritten, gamma=1.0, lam=1.0)
    for part in result:
        assert_same(part, torch.zeros(1, 3))


def test_whitened_by_hand():
    tensors = {
        "token_reward": torch.tensor([[0.0, 0.0, 2.0, 0.0], [4.0, 0.0, 9.0, 9.0]], dtype=F64),
        "value": torch.zeros(2, 4, dtype=F64),
        "turn": torch.tensor([[0, -1, 0, -1], [0, -1, -1, -1]]),
    }
    # Advantages 0, 2 and 4 (lam = 0): mean 2, squares 4 + 0 + 4 over 2 = 4, with eps 12: over 4.
    advantage, returns = cl.gae(**tensors, gamma=0.0, lam=0.0, whiten=True, eps=12.0)
    assert advantage.tolist() == [[-0.5, 0, 0, 0], [0.5, 0, 0, 0]]
    assert returns.tolist() == [[0, 0, 2, 0], [4, 0, 0, 0]]


@pytest.mark.parametrize("layout", ["padded", "present", "packed"])
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_whitening_in_one_call_gives_the_bits_of_two(backend, layout, dtype):
    x = batch(7)
    x = {name: each.to(dtype) if each.dtype == F64 else each for name, each in x.items()}
    if layout == "present":
        x["present"] = span(x["turn"] >= 0)
    if layout == "packed":
        bootstrap = x.pop("bootstrap")
        x = {name: each.reshape(-1) for name, each in x.items()}
        x |= {"bootstrap": bootstrap, "offsets": torch.arange(7) * 17}
    plain, expected = cl.gae(**x, gamma=0.9, lam=0.8)
    found, returns = cl.gae(**x, gamma=0.9, lam=0.8, whiten=True, eps=1e-3)
    assert_same(found, cl.whiten(plain, x["turn"] >= 0, eps=1e-3))
    assert_same(returns, expected)
    around = torch.full((2, *plain.shape, 2), 77.0, dtype=dtype)
    out = around[0, ..., 0], around[1, ..., 1]
    result = cl.gae(**x, gamma=0.9, lam=0.8, whiten=True, eps=1e-3, out=out)
    assert result[0] is out[0]
    assert result[1] is out[1]
    assert_same(out[0], found)
    assert_same(out[1], returns)
    assert (around[0, ..., 1] == 77).all()
    assert (around[1, ..., 0] == 77).all()


def test_equal_advantages_whiten_to_nothing(backend):
    turn = torch.tensor([[0, -1, 1], [0, 0, -1]])
    reward = torch.where(turn >= 0, 100.3, NAN)
    value = torch.zeros(2, 3)
    advantage, returns = cl.gae(
        token_reward=reward, value=value, turn=turn, gamma=0.0, lam=0.0, whiten=True, eps=0.0
    )
    assert_same(advantage, torch.zeros(2, 3))
    assert returns.unique().tolist() == [0, reward[0, 0].item()]


def test_what_cannot_be_whitened_is_refused(backend, refusal):
    given = {"token_reward": torch.ones(1, 2), "value": torch.tensor([[0.0, NAN]])}
    sentence = refusal(
        cl.gae, **given, turn=torch.zeros(1, 2).long(), gamma=1.0, lam=1.0, whiten=True
    )
    assert "finite wherever its weight is above 0" in sentence
