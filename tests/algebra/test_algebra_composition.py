"""Credit of trajectories joins credit of turns; a sum along the wrong axis is refused."""

import pytest
import torch
from helpers import assert_same
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close

pytestmark = pytest.mark.usefixtures("backend")  # every backend there is

CREDIT = torch.tensor([[5.0, 6.0], [7.0, torch.nan]])


def test_credit_of_trajectories_by_turn_by_hand():
    credit, count = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([2, 1, 0])
    assert cl.per_turn(credit, count).tolist() == [[0.5, 0.5], [-1, 0], [0, 0]]
    assert cl.per_turn(credit, count, 3).tolist() == [[0.5, 0.5, 0], [-1, 0, 0], [0, 0, 0]]
    assert cl.per_turn(torch.zeros(0), count[:0]).shape == (0, 0)
    assert cl.per_turn(credit.bfloat16(), count).dtype == torch.float32


def test_a_square_batch_meets_the_right_axis_by_hand():
    # Three rows of up to three turns: a sum without per_turn gives row i the credit of row k.
    credit, count = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([3, 2, 1])
    turns = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.0], [0.6, 0.0, 0.0]])
    right = cl.per_turn(credit, count) + turns
    assert_close(right, torch.tensor([[1.1, 1.2, 1.3], [2.4, 2.5, 0.0], [4.6, 0.0, 0.0]]))
    assert_same(cl.per_turn(right, count), right)
    wrong = credit + turns
    assert_close(wrong[1], torch.tensor([1.4, 2.5, 4.0]))
    with pytest.raises(cl.ContractError) as caught:
        cl.per_turn(wrong, count)
    assert str(caught.value) == (
        "per_turn: `credit` must be 0 past the last turn, got 4.0 in row 1, turn 2; "
        "credit of trajectories joins that of turns as `per_turn(credit, turn_count)`."
    )


def test_credit_past_the_last_turn_is_refused_by_hand():
    sentence = ""
    try:
        cl.per_turn(torch.tensor([[1.0, 2.0], [1.0, 2.0]]), torch.tensor([2, 1]))
    except cl.ContractError as error:
        sentence = str(error)
    assert "got 2.0 in row 1, turn 1" in sentence


@given(seed=st.integers(0, 10**6), size=st.integers(2, 7))
def test_every_square_sum_on_the_wrong_axis_is_refused(seed, size):
    """Also [batch] + [batch, 1], which is [batch, batch]. Right sums pass, whatever the padding."""
    draw = torch.Generator().manual_seed(seed)
    credit = torch.randperm(size, generator=draw) + 0.5
    count = torch.randint(0, size, (size,), generator=draw)  # no row has all turns
    turns = cl.per_turn(
        torch.rand(size, size, generator=draw) * 0 + 0.25, torch.full((size,), size)
    )
    exists = torch.arange(size) < count[:, None]
    right = torch.where(exists, credit[:, None] + turns, 0)
    assert_same(cl.per_turn(credit, count, size) + torch.where(exists, turns, 0), right)
    for padding in (0.0, torch.nan):
        assert_same(cl.per_turn(torch.where(exists, right, padding), count), right)
    for wrong in (credit + torch.where(exists, turns, 0), credit + turns[:, :1]):
        with pytest.raises(cl.ContractError, match="per_turn: `credit` must be 0 past the last"):
            cl.per_turn(wrong, count)


def test_turns_that_do_not_fit_are_refused(refusal):
    credit, count = torch.tensor([0.5, -1.0]), torch.tensor([3, 1])
    assert refusal(cl.per_turn, credit, count, 2) == (
        "per_turn: `turn_count` must be at most 2, the number of `turns`, got 3."
    )
    assert refusal(cl.per_turn, CREDIT, count - 1, 3) == (
        "per_turn: `turns` must be 2, the turns of `credit`, or left out, got 3."
    )
