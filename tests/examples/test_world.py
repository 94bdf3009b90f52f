import torch

from examples.textworld.games import Game
from examples.textworld.world import World, join


def tiny(name: str) -> Game:
    return Game(
        name=name,
        observations=["a hall", "a yard", ""],
        following=[{"go out": 1, "wait": 0}, {"take coin": 2}, {}],
        won=[False, False, True],
        walkthrough=["go out", "take coin"],
    )


def test_states_of_the_second_game_come_after_those_of_the_first():
    world = join([tiny("one"), tiny("two")])
    assert world.commands == ["go out", "take coin", "wait"]
    assert world.start.tolist() == [0, 3]
    assert world.following.tolist() == [
        [1, -1, 0],
        [-1, 2, -1],
        [-1, -1, -1],
        [4, -1, 3],
        [-1, 5, -1],
        [-1, -1, -1],
    ]
    assert world.ended.tolist() == [False, False, True] * 2
    assert world.won.tolist() == [False, False, True] * 2


def test_states_with_equal_text_look_equal():
    world = join([tiny("one"), tiny("two")])
    assert torch.equal(world.seen[:3], world.seen[3:])
    assert len(world.seen.unique()) == 3


def test_the_real_games_join(world: World, games: dict[str, Game]):
    assert len(world.observations) == sum(len(game.won) for game in games.values())
    kept = int((world.following >= 0).sum())
    assert kept == sum(len(edges) for game in games.values() for edges in game.following)
