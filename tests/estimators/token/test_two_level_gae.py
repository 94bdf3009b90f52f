"""GAE of two levels by hand; with equal discounts it is GAE."""

import pytest
import torch
from helpers import BACKENDS, F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

NAN = torch.nan


def test_by_hand():
    tensors = {
        "token_reward": torch.tensor([[NAN, 0.0, 0.0, 2.0, 1.0, NAN]]),
        "value": torch.tensor([[NAN, 0.5, 1.0, NAN, 1.0, NAN]]),
        "turn": torch.tensor([[-1, 0, 0, -1, 1, -1]]),
        "bootstrap": torch.tensor([4.0]),
    }
    rates = {"gamma": 1.0, "lam": 0.5, "turn_gamma": 0.5, "turn_lam": 0.5}
    # Turn 1: 1 + 0.5·4 − 1 = 2. Last of turn 0: (0 + 2) + 0.5·1 − 1 + 0.25·2 = 2.
    # First of turn 0: 0 + 1·1 − 0.5 + 0.5·2 = 1.5. Returns add the critic.
    advantage, returns = cl.two_level_gae(**tensors, **rates)
    assert advantage.tolist() == [[0, 1.5, 2, 0, 2, 0]]
    assert returns.tolist() == [[0, 2, 3, 0, 3, 0]]
    # Restarted: turn 1 has the bootstrap at gamma, 1 + 4 − 1 = 4; turn 0 ends with 2 − 1 = 1,
    # and its first token has 1 − 0.5 + 0.5·1 = 1.
    advantage, returns = cl.two_level_gae(**tensors, **rates, restart=True)
    assert advantage.tolist() == [[0, 1, 1, 0, 4, 0]]
    assert returns.tolist() == [[0, 1.5, 2, 0, 5, 0]]


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "triton"])
@given(seed=st.integers(0, 10**6), gamma=st.floats(0, 1), lam=st.floats(0, 1))
def test_equal_discounts_are_gae(backend, seed, gamma, lam):
    x = random_arguments(cl.gae, seed=seed, optional=True, dtype=F64)
    both = {"gamma": gamma, "lam": lam}
    found = cl.two_level_gae(**x, **both, turn_gamma=gamma, turn_lam=lam, backend=backend)
    for ours, theirs in zip(found, cl.gae(**x, **both, backend=backend), strict=True):
        assert_close(ours, theirs)


@given(seed=st.integers(0, 10**6))
def test_a_restart_is_a_row_for_each_turn(seed):
    x = random_arguments(cl.gae, seed=seed, dtype=F64)
    rates = {"gamma": 0.9, "lam": 0.8}
    # A reward between turns counts for the turn before it: a row of one turn would not see it.
    x["token_reward"] = torch.where(x["turn"] >= 0, x["token_reward"], 0.0)
    found = cl.two_level_gae(**x, **rates, restart=True)
    for turn in range(int(x["turn"].max()) + 1):
        own = x["turn"] == turn
        apart = cl.gae(**{**x, "turn": torch.where(own, 0, -1)}, **rates)
        for ours, theirs in zip(found, apart, strict=True):
            assert_close(ours[own], theirs[own])


def test_a_row_without_written_tokens_is_all_zero():
    garbage, none = torch.full((1, 3), 1e30), torch.full((1, 3), -1)
    found = cl.two_level_gae(token_reward=garbage, value=garbage, turn=none, gamma=1.0, lam=1.0)
    for part in found:
        assert_same(part, torch.zeros(1, 3))


def test_ids_that_go_back_are_refused():
    x = torch.zeros(1, 2)
    with pytest.raises(cl.ContractError, match="two_level_gae: `turn` must"):
        cl.two_level_gae(token_reward=x, value=x, turn=torch.tensor([[1, 0]]), gamma=1.0, lam=1.0)
