"""GAE over turns by hand; with one token a turn it is GAE, bit for bit."""

import pytest
import torch
from helpers import BACKENDS, F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

NAN = torch.nan


def test_by_hand():
    batch = {
        "turn_reward": torch.tensor([[0.0, 1.0, NAN], [2.0, NAN, NAN]]),
        "turn_value": torch.tensor([[0.5, 1.0, NAN], [1.0, NAN, NAN]]),
        "turn_count": torch.tensor([2, 1]),
    }
    # Row 0: 1 − 1 = 0, then 0 + 0.5·1 − 0.5 + 0.25·0 = 0. Row 1: 2 − 1 = 1.
    advantage, returns = cl.turn_gae(**batch, gamma=0.5, lam=0.5)
    assert advantage.tolist() == [[0, 0, 0], [1, 0, 0]]
    assert returns.tolist() == [[0.5, 1, 0], [2, 0, 0]]
    # Cut off with 4 to come in row 0: 1 + 0.5·4 − 1 = 2 and 0 + 0.25·2.
    end = {"bootstrap": torch.tensor([4.0, 0.0])}
    advantage, _ = cl.turn_gae(**batch, **end, gamma=0.5, lam=0.5)
    assert advantage.tolist() == [[0.5, 2, 0], [1, 0, 0]]
    # A trace decay of 1/2 · 1/2 in row 0: 0 + 0.5·0.25·2.
    each = {"row_lam": torch.tensor([0.5, 1.0])}
    advantage, _ = cl.turn_gae(**batch, **end, **each, gamma=0.5, lam=0.5)
    assert advantage.tolist() == [[0.25, 2, 0], [1, 0, 0]]


def test_a_turn_that_earned_nothing_is_a_turn():
    """RAGEN looks for rewards that are not 0, and finds one turn fewer here."""
    value, count = torch.tensor([[0.5, 0.25, 0.5]]), torch.tensor([3])
    almost = torch.tensor([[1.0, 1e-9, 1.0]])
    batch = {"turn_value": value, "turn_count": count, "gamma": 0.5, "lam": 0.5}
    found, _ = cl.turn_gae(turn_reward=torch.tensor([[1.0, 0.0, 1.0]]), **batch)
    # 1 − 0.5 = 0.5; 0.5·0.5 − 0.25 + 0.25·0.5 = 0.125; 1 + 0.5·0.25 − 0.5 + 0.25·0.125 = 0.65625
    assert found.tolist() == [[0.65625, 0.125, 0.5]]
    assert_close(cl.turn_gae(turn_reward=almost, **batch)[0], found)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "triton"])
@given(seed=st.integers(0, 10**6), gamma=st.floats(0, 1), lam=st.floats(0, 1))
def test_one_token_a_turn_is_gae_bit_for_bit(backend, dtype, seed, gamma, lam):
    x = random_arguments(cl.turn_gae, seed=seed, dtype=dtype)
    last = torch.linspace(-1, 1, len(x["turn_count"]), dtype=dtype)
    column = torch.arange(x["turn_value"].shape[1])
    turn = torch.where(column < x["turn_count"][:, None], column, -1)
    rates = {"gamma": gamma, "lam": lam, "bootstrap": last, "backend": backend}
    wanted = cl.gae(token_reward=x["turn_reward"], value=x["turn_value"], turn=turn, **rates)
    for ours, theirs in zip(cl.turn_gae(**x, **rates), wanted, strict=True):
        assert_same(ours, theirs)


@given(seed=st.integers(0, 10**6), lam=st.floats(0, 1))
def test_a_row_of_equal_decays_is_the_decay(seed, lam):
    x = random_arguments(cl.turn_gae, seed=seed, dtype=F64, optional=True)
    x["row_lam"] = torch.full_like(x["row_lam"], 0.5)
    other = {name: tensor for name, tensor in x.items() if name != "row_lam"}
    found = cl.turn_gae(**x, gamma=0.9, lam=lam)
    for ours, theirs in zip(found, cl.turn_gae(**other, gamma=0.9, lam=lam / 2), strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize("row_lam", [None, torch.zeros(0)])
def test_an_empty_batch(row_lam):
    empty = torch.zeros(0, 0)
    found = cl.turn_gae(
        turn_reward=empty,
        turn_value=empty,
        turn_count=torch.zeros(0, dtype=torch.int64),
        row_lam=row_lam,
    )
    assert [part.shape for part in found] == [(0, 0), (0, 0)]
