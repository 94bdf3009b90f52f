import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import textworld

from creditlib.vocabulary.install_hint import install_hint
from examples.textworld.games import Game, Interpreter, Recipe, generate

pytestmark = [
    pytest.mark.filterwarnings("ignore:Unable to find valid actions"),
    pytest.mark.filterwarnings("ignore:Game .* is not fully supported"),
]


def fresh(file: Path) -> Any:
    """The real game, asked for its room and inventory by TextWorld's own means."""
    wanted = textworld.EnvInfos(
        admissible_commands=True, description=True, inventory=True, won=True, lost=True
    )
    return textworld.start(str(file), wanted)


def assert_kept_is_real(game: Game, real: Any, commands: Sequence[str]) -> int:
    """Follow the commands in both; the state of the kept game that they lead to."""
    seen, state = real.reset(), 0
    for command in [*commands, None]:
        ended = seen.won or seen.lost
        assert game.won[state] == seen.won
        assert sorted(game.following[state]) == ([] if ended else seen.admissible_commands)
        if not ended:
            text = f"{seen.description.strip()}\n\n{seen.inventory.strip()}"
            assert game.observations[state] == text
        if command is None:
            break
        seen, _, _ = real.step(command)
        state = game.following[state][command]
    return state


def test_the_walkthrough_wins_and_is_what_the_interpreter_says(game: Game, file: Path):
    state = assert_kept_is_real(game, fresh(file), game.walkthrough)
    assert game.won[state]


def test_random_commands_lead_where_the_interpreter_leads(game: Game, file: Path):
    real, dice = fresh(file), random.Random(3)
    for _ in range(8):
        commands: list[str] = []
        state = 0
        while game.following[state] and len(commands) < 25:
            command = dice.choice(sorted(game.following[state]))
            commands.append(command)
            state = game.following[state][command]
        assert_kept_is_real(game, real, commands)


def test_only_a_game_that_has_ended_has_no_commands(game: Game):
    assert [not edges for edges in game.following] == list(game.won)


def test_every_state_can_be_reached_from_the_start(game: Game):
    reached, waiting = {0}, [0]
    while waiting:
        new = set(game.following[waiting.pop()].values()) - reached
        reached |= new
        waiting.extend(new)
    assert reached == set(range(len(game.won)))


def test_situations_that_differ_only_in_the_order_of_things_are_told_apart(folder: Path):
    # Facts are a set; the text lists what is carried in the order of the object tree.
    settings = {"nb_rooms": 3, "nb_objects": 4, "quest_length": 4}
    game = Interpreter(generate(Recipe("order", "quest", settings, 3), folder)[0])
    take, swap = "take type X latchkey from chest", ("drop keycard", "take keycard")
    game.restart(["go south", "open chest", take])
    text, situation = game.look(), game.situation
    game.restart(["go south", "open chest", take, *swap])
    assert game.look() != text
    assert game.situation != situation
    assert game.situation[1:] == situation[1:]


def test_without_textworld_one_sentence_says_what_to_install():
    code = (
        "import sys; sys.modules['textworld'] = None\n"
        "from pathlib import Path\n"
        "from examples.textworld.games import RECIPES, generate\n"
        "try:\n    generate(RECIPES[0], Path('.'))\n"
        "except ModuleNotFoundError as error:\n    print(error)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == f"demo: TextWorld must be installed: {install_hint('demo')}.\n"


def test_the_library_itself_does_not_import_textworld():
    code = "import sys, creditlib; print('textworld' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "False\n"
