"""GRPO with process supervision by hand, against a loop, and its degenerate cases."""

import pytest
import torch
from helpers import F64, assert_same, deviation, mean, members, ragged, ratio, suffix, table
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments


def test_by_hand():
    # the pool of turns that exist: 1, 3, 2; mean 2, deviation 1, plus eps 1
    step = torch.tensor([[1.0, 3.0], [2.0, torch.nan]], dtype=F64)
    count, group = torch.tensor([2, 1]), torch.tensor([4, 4])
    three = {"turn_reward": step, "group": group, "turn_count": count}
    # z = −1/2, 1/2 | 0; sums to come: 0, 1/2 | 0
    assert cl.grpo_process(**three, eps=1.0).tolist() == [[0, 0.5], [0, 0]]
    assert cl.grpo_process(**three, scale=None).tolist() == [[0, 1], [0, 0]]


@pytest.mark.parametrize("scale", ["std", "mean", None])
@pytest.mark.parametrize("ddof", [0, 1])
@given(seed=st.integers(0, 10**6))
def test_against_a_loop(scale, ddof, seed):
    x = random_arguments(cl.grpo_process, seed=seed, dtype=F64, optional=True)
    x["turn_reward"] = x["turn_reward"].abs() + 1  # a mean that may divide
    steps = ragged(x["turn_reward"], x["turn_count"])
    rows = [[0.0] * 5 for _ in steps]
    for own in members(x["group"].tolist(), x["valid"].tolist()).values():
        pool = [r for i in own for r in steps[i]]
        if not pool:
            continue
        spread = mean(pool) if scale == "mean" else deviation(pool, ddof)
        for i in own:
            z = [r - mean(pool) for r in steps[i]]
            rows[i] = suffix([ratio(v, spread, 0.1) if scale else v for v in z])
    result = cl.grpo_process(**x, scale=scale, ddof=ddof, eps=0.1)
    assert_close(result, table(rows, 5))


def test_pools_of_one_or_of_equals_give_zero():
    step, count = torch.full((3, 2), 0.7), torch.tensor([2, 2, 1])
    equal = cl.grpo_process(turn_reward=step, group=torch.tensor([0, 0, 1]), turn_count=count)
    assert_same(equal, torch.zeros(3, 2))


# Trajectories of 2 and 1 turns: rewards 1, 2 and 3, returns 3, 2 and 3.
TWO = {
    "turn_reward": torch.tensor([[1.0, 2.0], [3.0, torch.nan]], dtype=F64),
    "group": torch.tensor([4, 4]),
    "turn_count": torch.tensor([2, 1]),
}


@pytest.mark.usefixtures("quick_backend")
def test_an_ended_trajectory_by_hand():
    turn = {**TWO, "over": "turn", "scale": None}
    # Turn 0: rewards 1 and 3 around 2. Turn 1: absent, 2 is alone; as zero, 2 and 0 around 1.
    assert cl.grpo_process(**turn, gamma=0.0).tolist() == [[-1, 0], [1, 0]]
    assert cl.grpo_process(**turn, gamma=0.0, ended="zero").tolist() == [[-1, 1], [1, 0]]
    # Scores to come: the row that is over lies 1 below the other one at turn 1.
    assert cl.grpo_process(**turn, ended="zero").tolist() == [[0, 1], [0, 0]]
    # Returns 3 and 3 at turn 0, 2 and 0 at turn 1.
    returns = {**turn, "order": "sum_then_score", "ended": "zero"}
    assert cl.grpo_process(**returns).tolist() == [[0, 1], [0, 0]]
    # The others of a turn: 3 at turn 0, 0 at turn 1.
    assert cl.grpo_process(**returns, leave_out="trajectory").tolist() == [[0, 2], [0, 0]]


@pytest.mark.usefixtures("quick_backend")
def test_peers_and_what_is_left_out_by_hand():
    plain = {**TWO, "order": "sum_then_score", "scale": None}
    # Returns 3, 2 | 3. The others of each turn: 2.5, 3 | 2.5. Of its trajectory: 3, 3 | 2.5.
    assert cl.grpo_process(**plain, leave_out="turn").tolist() == [[0.5, -1], [0.5, 0]]
    assert cl.grpo_process(**plain, leave_out="trajectory").tolist() == [[0, -1], [0.5, 0]]
    # Turn 1 of row 0 and turn 0 of row 1 start from state 8: returns 2 and 3.
    seen = torch.tensor([[-1, 8], [8, 8]])
    assert cl.grpo_process(**plain, over="anchor", anchor=seen).tolist() == [[0, -0.5], [0.5, 0]]
    # A missing state is no state: the two turns of row 0 are not compared.
    missing = torch.tensor([[-1, -1], [8, 8]])
    assert cl.grpo_process(**plain, over="anchor", anchor=missing).tolist() == [[0, 0], [0, 0]]
    # Two groups: nobody to compare with, unless turn numbers of the batch are compared.
    apart = {**plain, "group": torch.tensor([4, 5]), "gamma": 0.0}
    assert cl.grpo_process(**apart, over="turn").tolist() == [[0, 0], [0, 0]]
    assert cl.grpo_process(**apart, over="turn_of_batch").tolist() == [[-1, 0], [1, 0]]
    assert cl.grpo_process(**apart, over="turn", lone="raw").tolist() == [[1, 2], [3, 0]]


def test_what_cannot_be_meant_is_refused(refusal):
    assert refusal(cl.grpo_process, **TWO, ended="zero") == (
        "grpo_process: `over` must be 'turn' or 'turn_of_batch' with ended='zero', got 'group'; "
        "how many zeros there are would depend on the longest trajectory of other groups."
    )
    assert refusal(cl.grpo_process, **TWO, over="anchor") == (
        "grpo_process: `anchor` must be given with over='anchor', got None."
    )


@given(seed=st.integers(0, 10**6))
def test_with_one_turn_each_every_form_is_grpo(seed):
    x = random_arguments(cl.grpo_process, seed=seed, dtype=F64, turns=1, optional=True)
    x["turn_count"], x["anchor"] = torch.ones_like(x["turn_count"]), x["anchor"] * 0
    reward = x["turn_reward"][:, 0].nan_to_num()
    x["turn_reward"] = reward[:, None]
    wanted = cl.grpo(reward=reward, group=x["group"], valid=x["valid"])
    for over in ("group", "turn", "anchor"):
        for order in ("score_then_sum", "sum_then_score"):
            found = cl.grpo_process(**x, over=over, order=order, gamma=0.7)
            assert_same(found[:, 0], wanted)


@given(seed=st.integers(0, 10**6))
def test_ended_trajectories_are_rows_of_zeros(seed):
    """ended="zero" is what a batch gives in which every trajectory goes on with rewards of 0."""
    x = random_arguments(cl.grpo_process, seed=seed, dtype=F64)
    options = {"over": "turn", "order": "sum_then_score", "gamma": 0.9}
    real = torch.arange(5) < x["turn_count"][:, None]
    longer = {
        **x,
        "turn_reward": torch.where(real, x["turn_reward"], 0),
        "turn_count": torch.full_like(x["turn_count"], 5),
    }
    wanted = torch.where(real, cl.grpo_process(**longer, **options), 0)
    assert_close(cl.grpo_process(**x, **options, ended="zero"), wanted)
