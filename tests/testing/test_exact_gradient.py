import pytest
import torch

import creditlib as cl
from creditlib.testing import assert_close, enumerate_groups
from creditlib.testing.exact_gradient import LOGITS, REWARD, TURNS, trajectories

F64 = torch.float64


def test_probabilities_sum_to_one_and_trajectories_revisit_states():
    rows = trajectories(LOGITS.softmax(1))
    chance = torch.tensor([p for _, p in rows], dtype=F64)
    assert_close(chance.sum(), torch.ones((), dtype=F64))
    assert any(len(steps) > len({state for state, _ in steps}) for steps, _ in rows)
    assert {len(steps) for steps, _ in rows} == {2, 3}


@pytest.mark.parametrize("size", [2, 3])
def test_every_group_occurs_once_with_its_probability(size):
    groups = enumerate_groups(size)
    assert_close(groups.probability.sum(), torch.tensor(float(size), dtype=F64))
    sizes = groups.batch["group"].unique(return_counts=True)[1]
    assert sizes.tolist() == [size] * len(trajectories(LOGITS.softmax(1))) ** size


def test_the_true_gradient_is_that_of_the_expected_reward():
    logits = LOGITS.clone().requires_grad_()
    policy = logits.softmax(1)
    rows = trajectories(LOGITS.softmax(1))
    chances = [torch.stack([policy[step] for step in steps]).prod() for steps, _ in rows]
    earned = [sum(REWARD[step] for step in steps) for steps, _ in rows]
    sum(p * total for p, total in zip(chances, earned, strict=True)).backward()
    assert_close(enumerate_groups(2).true_gradient, logits.grad)


def test_the_batch_fits_the_vocabulary():
    cl.check_batch(enumerate_groups(2).batch)


def test_trajectory_credit_equals_the_same_credit_at_each_turn():
    groups = enumerate_groups(2)
    credit = groups.batch["reward"]
    turns = credit[:, None].expand(-1, TURNS)
    assert_close(groups.gradient(credit), groups.gradient(turns))
    assert_close(groups.gradient(credit), groups.true_gradient)
