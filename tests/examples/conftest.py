from importlib.util import find_spec
from pathlib import Path

import pytest

from examples.textworld.games import RECIPES, Game, Recipe, build, generate
from examples.textworld.world import World, join

if find_spec("textworld") is None or find_spec("scipy") is None:  # the extra `demo`
    files = Path(__file__).parent.glob("test_*.py")
    collect_ignore = [file.name for file in files if file.name != "test_examples.py"]

MAZE, QUEST = RECIPES[0], RECIPES[4]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("games")


@pytest.fixture(scope="session", params=[MAZE, QUEST], ids=lambda recipe: recipe.name)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return request.param


@pytest.fixture(scope="session")
def games(folder: Path) -> dict[str, Game]:
    return {recipe.name: build(recipe, folder) for recipe in (MAZE, QUEST)}


@pytest.fixture(scope="session")
def game(recipe: Recipe, games: dict[str, Game]) -> Game:
    return games[recipe.name]


@pytest.fixture(scope="session")
def file(recipe: Recipe, folder: Path) -> Path:
    return generate(recipe, folder)[0]


@pytest.fixture(scope="session")
def world(games: dict[str, Game]) -> World:
    return join(list(games.values()))
