from dataclasses import replace

import pytest
import torch
from torch import Tensor

from creditlib.testing import assert_close
from examples.textworld.games import Game
from examples.textworld.policy import Policy
from examples.textworld.train import CREDIT, Settings, roll_out, share_won, train
from examples.textworld.world import World, join

SETTINGS = Settings(learning_rate=0.03, entropy=0.01, updates=3, turns=10)
LONG = replace(SETTINGS, turns=40)

COIN = Game(
    name="coin",
    observations=["a hall", "a yard", ""],
    following=[{"go out": 1, "wait": 0}, {"take coin": 2}, {}],
    won=[False, False, True],
    walkthrough=["go out", "take coin"],
)


def curve(world: World, estimator: str, seeds: list[int], settings: Settings = SETTINGS) -> Tensor:
    runs = train(world, estimator, seeds, settings)
    return torch.stack([share_won(each, len(seeds)) for each in runs], dim=1)


def test_rollouts_by_hand():
    world = join([COIN])
    go, take, wait = 0, 1, 2
    probability = torch.tensor([[[0.25, 0.0, 0.75], [0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]])
    # Below 0.25 is "go out". The first row waits, goes, takes; the second only waits.
    chance = torch.tensor([[[0.3, 0.2, 0.0], [0.9, 0.25, 0.999]]])
    played = roll_out(world, probability, chance, rollouts=2)
    assert played.command.tolist() == [[wait, go, take], [wait, wait, wait]]
    assert played.state.tolist() == [[0, 0, 1], [0, 0, 0]]
    assert played.reward.tolist() == [1.0, 0.0]
    assert played.turn_count.tolist() == [3, 3]
    assert played.turn_reward.tolist() == [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    assert played.group.tolist() == [0, 0]


def test_credit_by_hand():
    # In the hall: returns 0.9025 and 0.95 of the winner, 0 three times of the other; mean 0.3705,
    # deviation 0.50760. The yard was seen once. The outcomes 1 and 0 are 0.70711 off their mean.
    probability = torch.tensor([[[0.25, 0.0, 0.75], [0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]])
    chance = torch.tensor([[[0.3, 0.2, 0.0], [0.9, 0.25, 0.999]]])
    played = roll_out(join([COIN]), probability, chance, rollouts=2)
    credit = {name: CREDIT[name](played).round(decimals=4) for name in ("grpo", "gigpo")}
    assert_close(credit["grpo"], torch.tensor([[0.7071] * 3, [-0.7071] * 3]))
    assert_close(credit["gigpo"], torch.tensor([[1.7552, 1.8487, 0.7071], [-1.4370] * 3]))


def test_a_game_that_is_won_early_ends():
    world = join([COIN])
    probability = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]])
    played = roll_out(world, probability, torch.zeros(1, 1, 4), rollouts=1)
    assert played.state.tolist() == [[0, 1, -1, -1]]
    assert played.anchor.tolist()[0][2:] == [-1, -1]
    assert played.turn_count.tolist() == [2]
    assert played.turn_reward.tolist() == [[0.0, 1.0, 0.0, 0.0]]


def test_runs_and_games_are_groups_of_their_own():
    world = join([COIN, replace(COIN, name="other")])
    probability = torch.full((2, 6, 3), 1 / 3) * (world.following >= 0)
    probability[:, world.ended] = 1 / 3
    played = roll_out(world, probability, torch.rand(2, 6, 2), rollouts=3)
    assert played.group.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3


@pytest.mark.parametrize("estimator", CREDIT)
def test_the_same_seed_gives_the_same_curve(world: World, estimator: str):
    once, again = curve(world, estimator, [4, 5], LONG), curve(world, estimator, [4, 5], LONG)
    assert torch.equal(once, again)
    assert not torch.equal(once[0], once[1])


def test_a_pair_starts_from_the_same_rollouts_and_then_parts(world: World):
    first = {name: list(train(world, name, [0, 1], SETTINGS)) for name in CREDIT}
    assert torch.equal(first["grpo"][0].command, first["gigpo"][0].command)
    assert not torch.equal(first["grpo"][-1].command, first["gigpo"][-1].command)


def test_both_estimators_are_told_the_same_reward(world: World):
    played = next(train(world, "gigpo", [0, 1], LONG))
    assert played.reward.sum() > 0
    assert torch.equal(played.turn_reward.sum(dim=1), played.reward)


@pytest.mark.parametrize("estimator", CREDIT)
def test_credit_is_zero_past_the_end(world: World, estimator: str):
    played = next(train(world, estimator, [0, 1], LONG))
    credit = CREDIT[estimator](played)
    real = played.state >= 0
    assert credit.shape == real.shape
    assert credit[real].abs().sum() > 0
    if estimator == "gigpo":
        assert credit[~real].eq(0).all()


@pytest.mark.parametrize("estimator", CREDIT)
def test_it_learns_the_coin(estimator: str):
    settings = Settings(learning_rate=0.03, entropy=0.0, updates=30, turns=3)
    won = curve(join([COIN]), estimator, [0, 1, 2], settings)
    assert won[:, -5:].mean() > 0.95 > won[:, :1].mean()


def test_commands_are_not_drawn_with_the_numbers_of_the_weights(world: World):
    # A generator reads 32 bits of its seed: an offset of 2**32 would be none.
    played = next(train(world, "grpo", [0], SETTINGS))
    shape = (len(world.start) * SETTINGS.rollouts, SETTINGS.turns)
    same = torch.rand(shape, generator=torch.Generator().manual_seed(0))[None]
    probability = Policy(world, [0]).log_probability().detach().exp()
    assert not torch.equal(
        played.command, roll_out(world, probability, same, SETTINGS.rollouts).command
    )
