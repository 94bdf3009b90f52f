"""The optimal token baseline by hand, and its degenerate cases."""

import torch
from helpers import F64, assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

NAN = torch.nan


def test_by_hand():
    batch = {
        "token_reward": torch.tensor([[1.0, NAN, 3.0], [0.0, 2.0, NAN]], dtype=F64),
        "turn": torch.tensor([[0, -1, 1], [0, 0, -1]]),
        "group": torch.tensor([9, 9]),
        "energy": torch.tensor([[0.5, NAN, 1.0], [1.5, 1.0, NAN]], dtype=F64),
    }
    # Returns to go 4, 3 | 2, 2; energy so far 0.5, 1.5 | 1.5, 2.5. The second written token of row
    # 0 lies behind tool output and is compared with that of row 1.
    # Place 0: (0.5·4 + 1.5·2) / 2 = 2.5. Place 1: (1.5·3 + 2.5·2) / 4 = 2.375.
    found = cl.otb(**batch)
    assert_close(found, torch.tensor([[1.5, 0, 0.625], [-0.5, -0.375, 0]], dtype=F64))


def test_a_place_that_one_row_reaches():
    batch = {
        "token_reward": torch.tensor([[0.0, 1.0], [0.0, 0.0]]),
        "turn": torch.tensor([[0, 0], [0, -1]]),
        "group": torch.tensor([0, 0]),
        "energy": torch.ones(2, 2),
    }
    assert cl.otb(**batch).tolist() == [[0.5, 0], [-0.5, 0]]
    assert cl.otb(**batch, lone="raw").tolist() == [[0.5, 1], [-0.5, 0]]
    alone = {**batch, "valid": torch.tensor([True, False])}
    assert cl.otb(**alone).tolist() == [[0, 0], [0, 0]]
    assert cl.otb(**alone, lone="raw").tolist() == [[1, 1], [0, 0]]


def test_no_energy_gives_no_credit():
    x = torch.tensor([[1.0], [0.0], [0.5]])
    found = cl.otb(
        token_reward=x,
        turn=torch.zeros(3, 1, dtype=torch.int64),
        group=torch.zeros(3, dtype=torch.int64),
        energy=torch.zeros(3, 1),
    )
    assert_same(found, torch.zeros(3, 1))


@given(seed=st.integers(0, 10**6))
def test_equal_returns_give_exactly_zero(seed):
    x = random_arguments(cl.otb, seed=seed)
    first = (x["turn"] >= 0).to(torch.int64).cumsum(1) == 1
    x["token_reward"] = torch.where(first & (x["turn"] >= 0), 0.7, 0.0)
    assert_same(cl.otb(**x), torch.zeros_like(x["token_reward"]))


@given(seed=st.integers(0, 10**6))
def test_packed_equals_padded(seed):
    x = random_arguments(cl.otb, seed=seed, dtype=F64)
    here = torch.ones_like(x["turn"], dtype=torch.bool)
    names = ("token_reward", "turn", "energy")
    packed = {name: cl.layouts.pack(x[name].nan_to_num(0), present=here)[0] for name in names}
    offsets = cl.layouts.pack(x["turn"], present=here)[1]
    padded = cl.otb(**{**x, "token_reward": x["token_reward"].nan_to_num(0)}, present=here)
    assert_close(cl.otb(**packed, group=x["group"], offsets=offsets), padded.reshape(-1))
