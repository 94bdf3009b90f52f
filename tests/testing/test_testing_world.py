import pytest
import torch

import creditlib as cl
from creditlib.testing import assert_close, world
from creditlib.testing.world import _LOGITS, _REWARD, TURNS, _walks

F64 = torch.float64


def test_the_world_is_a_distribution_whose_states_are_revisited():
    walks = _walks(_LOGITS.softmax(1))
    chance = torch.tensor([p for _, p in walks], dtype=F64)
    assert_close(chance.sum(), torch.ones((), dtype=F64))
    assert any(len(steps) > len({state for state, _ in steps}) for steps, _ in walks)
    assert {len(steps) for steps, _ in walks} == {2, 3}


@pytest.mark.parametrize("size", [2, 3])
def test_every_group_is_there_once_with_its_chance(size):
    small = world(size)
    assert_close(small.chance.sum(), torch.tensor(float(size), dtype=F64))
    sizes = small.batch["group"].unique(return_counts=True)[1]
    assert sizes.tolist() == [size] * len(_walks(_LOGITS.softmax(1))) ** size


def test_the_true_gradient_is_that_of_the_expected_reward():
    logits = _LOGITS.clone().requires_grad_()
    policy = logits.softmax(1)
    walks = _walks(_LOGITS.softmax(1))
    chances = [torch.stack([policy[step] for step in steps]).prod() for steps, _ in walks]
    earned = [sum(_REWARD[step] for step in steps) for steps, _ in walks]
    sum(p * total for p, total in zip(chances, earned, strict=True)).backward()
    assert_close(world(2).true, logits.grad)


def test_a_batch_of_the_world_keeps_the_vocabulary():
    cl.check_batch(world(2).batch)


def test_credit_of_trajectories_and_of_turns_weigh_the_same_scores():
    small = world(2)
    credit = small.batch["reward"]
    turns = credit[:, None].expand(-1, TURNS)
    assert_close(small.gradient(credit), small.gradient(turns))
    assert_close(small.gradient(credit), small.true)
