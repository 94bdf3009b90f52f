import json
from pathlib import Path

import pytest

from creditlib.cli import demo
from examples.textworld.games import RECIPES, build
from examples.textworld.shipped_rollouts import SHIPPED


def test_the_command_shows_the_file_that_is_written():
    assert SHIPPED == demo._SHIPPED


@pytest.mark.nightly  # the file and the game change rarely, and the game takes long to build
def test_every_shipped_turn_is_what_the_game_says(folder: Path):
    lines = [json.loads(line) for line in SHIPPED.read_text("utf-8").splitlines()]
    (name,) = {line["group"].rpartition("/")[2] for line in lines}
    game = build(next(recipe for recipe in RECIPES if recipe.name == name), folder)
    assert len(lines) == 8
    assert {line["outcome"] for line in lines} == {0.0, 1.0}
    for line in lines:
        state = 0
        for turn in line["turns"]:
            assert turn["observation"] == game.observations[state]
            state = game.following[state][turn["text"]]
        assert game.won[state] == (line["outcome"] == 1.0)
