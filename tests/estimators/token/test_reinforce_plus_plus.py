"""REINFORCE++ by hand, and its degenerate cases."""

import pytest
import torch
from helpers import F64, assert_same

import creditlib as cl
from creditlib.testing import assert_close

ROW = {
    "token_reward": torch.tensor([[8.0, 0.0, 2.0, 1.0, 16.0]], dtype=F64),
    "turn": torch.tensor([[-1, 0, -1, 1, -1]]),
}


def test_reinforce_plus_plus_by_hand():
    # returns 2.5 and 1: mean 1.75, squares 2·0.75², variance 1.125
    advantage, returns = cl.reinforce_plus_plus(**ROW, gamma=0.5, eps=0.0)
    assert returns.tolist() == [[0, 2.5, 0, 1, 0]]
    z = 0.75 / 1.125**0.5
    assert_close(advantage, torch.tensor([[0, z, 0, -z, 0]], dtype=F64))
    # an eps of 1.125 doubles the variance
    advantage, _ = cl.reinforce_plus_plus(**ROW, gamma=0.5, eps=1.125)
    assert_close(advantage[0, 1], torch.tensor(0.5, dtype=F64))


@pytest.mark.parametrize("tokens", [0, 1, 5])
def test_equal_returns_and_too_few_tokens_give_zero(tokens):
    reward = torch.zeros(1, tokens)
    reward[:, -1:] = 0.7
    turn = torch.zeros(1, tokens, dtype=torch.int64)
    advantage, _ = cl.reinforce_plus_plus(token_reward=reward, turn=turn)
    assert_same(advantage, torch.zeros(1, tokens))
