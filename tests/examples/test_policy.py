import pytest
import torch

from creditlib.testing import assert_close
from examples.textworld.policy import Policy, bag_of_words
from examples.textworld.world import World


def test_words_count_once_and_case_and_signs_do_not():
    bags = bag_of_words(["go north", "North, go! go", ""], buckets=512)
    assert torch.equal(bags[0], bags[1])
    assert bags.norm(dim=1).tolist() == pytest.approx([1.0, 1.0, 0.0])


def test_words_fall_into_the_same_buckets_in_every_process():
    assert bag_of_words(["coin"], buckets=512).nonzero().tolist() == [[0, 349]]


def test_probability_lies_on_admissible_commands_only(world: World):
    probability = Policy(world, [0, 1]).log_probability().exp()
    playing = ~world.ended
    total = probability.sum(dim=-1)
    assert_close(total, torch.ones_like(total))
    assert probability[:, playing][:, world.following[playing] < 0].eq(0).all()
    assert probability[:, playing][:, world.following[playing] >= 0].gt(0).all()


def test_a_seed_has_the_same_weights_whatever_seeds_stand_beside_it(world: World):
    alone, beside = Policy(world, [7]), Policy(world, [3, 7])
    for one, two in zip(alone.weights, beside.weights, strict=True):
        assert torch.equal(one[0], two[1])
        assert not torch.equal(two[0], two[1])


def test_an_equal_command_in_an_equal_text_scores_equally(world: World):
    probability = Policy(world, [0]).log_probability()[0]
    pairs = 0
    for state, text in enumerate(world.seen.tolist()):
        for other in (world.seen == text).nonzero().flatten().tolist():
            same = torch.equal(world.following[state] < 0, world.following[other] < 0)
            if other > state and same:
                pairs += 1
                assert torch.equal(probability[state], probability[other])
    assert pairs
