"""V-trace over turns by hand; ratios of 1 make its target the returns of GAE."""

import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

NAN = torch.nan


def test_by_hand():
    batch = {
        "turn_reward": torch.tensor([[0.0, 1.0, NAN]]),
        "turn_value": torch.tensor([[0.5, 1.0, NAN]]),
        "ratio": torch.tensor([[0.5, 3.0, NAN]]),
        "turn_count": torch.tensor([2]),
        "bootstrap": torch.tensor([2.0]),
    }
    # δ = 0 + 0.5·1 − 0.5 = 0 and 1 + 0.5·2 − 1 = 1; ρ = 1/2 and 2 with rho_max 2.
    # y[1] = 2·1 = 2; y[0] = 0.5·0 + 0.5·min(1, 0.5)·2 = 0.5. Targets 1 and 3.
    # A[1] = 2·(1 + 0.5·2 − 1) = 2; A[0] = 0.5·(0 + 0.5·3 − 0.5) = 0.5.
    advantage, target = cl.v_trace(**batch, gamma=0.5, rho_max=2.0)
    assert advantage.tolist() == [[0.5, 2, 0]]
    assert target.tolist() == [[1, 3, 0]]
    # c_max cuts what carries: with a ratio of 3 at turn 0, y[0] = 2·0 + 0.5·min(1, 3)·2 = 1.
    _, target = cl.v_trace(
        **{**batch, "ratio": torch.tensor([[3.0, 3.0, NAN]])}, gamma=0.5, rho_max=2.0
    )
    assert target.tolist() == [[1.5, 3, 0]]
    # With lam = 1/2 half of the later surprise comes back: y[0] = 0.25.
    advantage, target = cl.v_trace(**batch, gamma=0.5, rho_max=2.0, lam=0.5)
    assert target.tolist() == [[0.75, 3, 0]]
    # rho_max = c_max = 1/4: y[1] = 1/4, y[0] = 0.5·0.25·0.25 = 1/32.
    _, target = cl.v_trace(**batch, gamma=0.5, rho_max=0.25, c_max=0.25)
    assert target.tolist() == [[0.53125, 1.25, 0]]


@given(seed=st.integers(0, 10**6), gamma=st.floats(0, 1), lam=st.floats(0, 1))
def test_ratios_of_one_give_the_returns_of_gae(seed, gamma, lam):
    x = random_arguments(cl.v_trace, seed=seed, dtype=F64, optional=True)
    x["ratio"] = torch.ones_like(x["ratio"])
    own = {name: tensor for name, tensor in x.items() if name != "ratio"}
    rates = {"gamma": gamma, "lam": lam}
    _, target = cl.v_trace(**x, **rates)
    assert_close(target, cl.turn_gae(**own, **rates)[1])
    whole, _ = cl.v_trace(**x, gamma=gamma)
    assert_close(whole, cl.turn_gae(**own, gamma=gamma)[0])


def test_a_ratio_of_zero_has_no_credit():
    x = random_arguments(cl.v_trace, seed=3)
    x["ratio"] = torch.zeros_like(x["ratio"])
    advantage, target = cl.v_trace(**x)
    assert_same(advantage, torch.zeros_like(advantage))
    real = torch.arange(advantage.shape[1]) < x["turn_count"][:, None]
    assert_same(target, torch.where(real, x["turn_value"], 0.0))
