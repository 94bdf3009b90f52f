"""Discounted returns by hand and against a loop, packed and padded."""

import pytest
import torch
from helpers import F64
from hypothesis import example, given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.inputs import layouts
from creditlib.testing import assert_close

ROW = {
    "token_reward": torch.tensor([[8.0, 0.0, 2.0, 1.0, 16.0]], dtype=F64),
    "turn": torch.tensor([[-1, 0, -1, 1, -1]]),
}


def test_discounted_return_by_hand():
    # last 1; first 0 + 2 (the gap behind it) + 0.5·1. Outside the written span may be padding.
    assert cl.discounted_return(**ROW, gamma=0.5).tolist() == [[0, 2.5, 0, 1, 0]]
    # with `present` the prompt's 8 is the first token's and the 16 at the end the last one's
    present = torch.ones(1, 5, dtype=torch.bool)
    result = cl.discounted_return(**ROW, gamma=0.5, present=present)
    assert result.tolist() == [[0, 8 + 2 + 0.5 * 17, 0, 17, 0]]
    # packed rows have no padding: everything counts
    packed = {name: x[0] for name, x in ROW.items()}
    result = cl.discounted_return(**packed, gamma=0.5, offsets=torch.tensor([0, 5]))
    assert result.tolist() == [0, 18.5, 0, 17, 0]


def loop(reward, turn, gamma):
    """Returns of one row, from its end; a gap's reward is the written token's before it."""
    mine = [t for t, who in enumerate(turn) if who >= 0]
    result, carry = [0.0] * len(turn), 0.0
    if not mine:
        return result
    for t, end in reversed(list(zip(mine, [*mine[1:], len(turn)], strict=True))):
        head = sum(reward[: mine[0]]) if t == mine[0] else 0.0
        carry = head + sum(reward[t:end]) + gamma * carry
        result[t] = carry
    return result


@example(seed=5821, gamma=0.0)  # a row in which nothing was written
@given(seed=st.integers(0, 10**6), gamma=st.floats(0, 1))
def test_present_and_packed_against_a_loop(seed, gamma):
    draw = torch.Generator().manual_seed(seed)
    turn = torch.where(torch.rand(5, 13, generator=draw) < 0.4, 0, -1)
    reward = torch.randn(5, 13, generator=draw, dtype=F64)
    pairs = zip(reward.tolist(), turn.tolist(), strict=True)
    expected = torch.tensor([loop(*pair, gamma) for pair in pairs], dtype=F64)
    present = torch.ones(5, 13, dtype=torch.bool)
    result = cl.discounted_return(token_reward=reward, turn=turn, gamma=gamma, present=present)
    assert_close(result, expected)
    offsets = layouts.offsets_of(torch.full((5,), 13))
    tensors = {"token_reward": reward.flatten(), "turn": turn.flatten(), "offsets": offsets}
    assert_close(cl.discounted_return(**tensors, gamma=gamma), expected.flatten())


def test_a_nan_on_tool_output_is_no_reward():
    reward, turn = torch.tensor([[1.0, torch.nan, 4.0]]), torch.tensor([[0, -1, 1]])
    result = cl.discounted_return(token_reward=reward, turn=turn, gamma=0.5)
    assert result.tolist() == [[3, 0, 4]]
    # Beside a reward that counts: 1 + 2 + 0.5·4
    reward, turn = torch.tensor([[1.0, torch.nan, 2.0, 4.0]]), torch.tensor([[0, -1, -1, 1]])
    result = cl.discounted_return(token_reward=reward, turn=turn, gamma=0.5)
    assert result.tolist() == [[5, 0, 0, 4]]


def test_a_packed_reward_stays_in_its_row():
    # rows (0, −1) and (−1, 0): the 2 is behind the first row's token, the 4 before the second's
    reward, turn = torch.tensor([1.0, 2.0, 4.0, 8.0]), torch.tensor([0, -1, -1, 0])
    tensors = {"token_reward": reward, "turn": turn, "offsets": torch.tensor([0, 2, 4])}
    assert cl.discounted_return(**tensors, gamma=0.5).tolist() == [3, 0, 0, 12]


def test_out_receives_the_result():
    out = torch.full((1, 5), torch.nan, dtype=F64)
    result = cl.discounted_return(**ROW, gamma=0.5, out=out)
    assert result is out
    assert out.tolist() == [[0, 2.5, 0, 1, 0]]
    with pytest.raises(cl.ContractError, match="discounted_return: `out` must be"):
        cl.discounted_return(**ROW, gamma=0.5, out=torch.zeros(1, 5))
