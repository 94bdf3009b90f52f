"""Small TextWorld games, each played through completely on the real interpreter.

TextWorld plays a few hundred commands a second, and a training run needs millions. The games are
small and deterministic, so every command of every reachable state is sent to the interpreter once,
and its answer is stored: text, admissible commands and end come from the game.

The stored answers are exact. Two situations share a state only if the Z-machine's whole object
tree (which thing holds which, in which order), the facts TextWorld tracks, the score and the end
agree. Nothing else in these games can change an answer: they draw no random numbers and have no
clock. The order inside the tree matters, because a room lists its things in that order.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from creditlib.vocabulary.install_hint import install_hint

__all__ = ["RECIPES", "Game", "Interpreter", "Recipe", "build", "generate", "textworld"]


@dataclass(frozen=True)
class Recipe:
    """How to generate a game: a TextWorld challenge by name, or "quest" for a free quest."""

    name: str
    challenge: str
    settings: Mapping[str, int]
    seed: int


RECIPES = (
    Recipe("coin-1", "tw-coin_collector", {"level": 105}, 1),
    Recipe("coin-2", "tw-coin_collector", {"level": 205}, 2),
    Recipe("coin-3", "tw-coin_collector", {"level": 107}, 3),
    Recipe("quest-1", "quest", {"nb_rooms": 2, "nb_objects": 3, "quest_length": 4}, 1),
    Recipe("quest-2", "quest", {"nb_rooms": 3, "nb_objects": 3, "quest_length": 5}, 2),
    Recipe("quest-3", "quest", {"nb_rooms": 3, "nb_objects": 3, "quest_length": 5}, 6),
)


@dataclass(frozen=True)
class Game:
    """Every reachable state of a game; state 0 is the start.

    observations: what the player sees in a state: the room and the inventory.
    following: for each state the commands TextWorld admits and the state each leads to; none where
        the game has ended.
    """

    name: str
    observations: Sequence[str]
    following: Sequence[Mapping[str, int]]
    won: Sequence[bool]
    walkthrough: Sequence[str]


def textworld() -> Any:
    """TextWorld, imported late because creditlib itself does not need it."""
    try:
        import textworld  # pyright: ignore[reportMissingTypeStubs]
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"demo: TextWorld must be installed: {install_hint('demo')}.", name=error.name
        ) from None
    return textworld


@contextmanager
def _quiet() -> Generator[None, None, None]:
    """Ignore the warnings that TextWorld ignores, in case a caller turned them into errors."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Unable to find valid actions")
        warnings.filterwarnings("ignore", "Game .* is not fully supported")
        yield


def generate(recipe: Recipe, folder: Path) -> tuple[Path, list[str]]:
    """Generate and compile the game; its file and the commands that win it."""
    world = textworld()
    options = world.GameOptions()
    options.seeds = recipe.seed
    options.path = f"{folder}/"  # the slash makes TextWorld name the file itself
    with _quiet():
        game = _design(recipe, options)
        file = world.generator.compile_game(game, options)
    return Path(file), list(game.metadata.get("walkthrough") or game.walkthrough)


def _design(recipe: Recipe, options: Any) -> Any:
    if recipe.challenge == "quest":
        for name, value in recipe.settings.items():
            setattr(options, name, value)
        return textworld().generator.make_game(options)
    from textworld.challenges import (  # pyright: ignore[reportMissingTypeStubs]
        CHALLENGES,  # pyright: ignore[reportUnknownVariableType]
    )

    challenges: Any = CHALLENGES
    return challenges[recipe.challenge][1](dict(recipe.settings), options)


class Interpreter:
    """A running game, and a value that identifies its situation."""

    def __init__(self, file: Path) -> None:
        world = textworld()
        wanted = world.EnvInfos(
            admissible_commands=True, facts=True, won=True, lost=True, score=True
        )
        self._game: Any = world.start(str(file), wanted)
        self._state: Any = None

    def restart(self, commands: Sequence[str] = ()) -> None:
        """Go back to the start, then send the commands."""
        self._state = self._game.reset()
        for command in commands:
            self.send(command)

    def send(self, command: str) -> None:
        """Send one command of the player."""
        self._state, _, _ = self._game.step(command)

    @property
    def won(self) -> bool:
        """Whether the player has won."""
        return bool(self._state.won)

    @property
    def commands(self) -> list[str]:
        """The admissible commands; none once the game has ended."""
        if self._state.won or self._state.lost:
            return []
        return list(self._state.admissible_commands)

    @property
    def situation(self) -> tuple[Any, ...]:
        """A value that is equal for two situations if every later command has equal answers."""
        machine = self._game.unwrapped._jericho
        tree = tuple(
            (thing.num, thing.parent, thing.sibling, thing.child)
            for thing in machine.get_world_objects()
        )
        facts = frozenset(str(fact) for fact in self._state.facts)
        return tree, facts, self._state.score, self._state.won, self._state.lost

    def look(self) -> str:
        """What the player sees: the room and the inventory; '' once the game has ended."""
        if not self.commands:
            return ""
        answers = [self._game.step(command)[0].feedback for command in ("look", "inventory")]
        return "\n\n".join(str(answer).strip() for answer in answers)


def build(recipe: Recipe, folder: Path) -> Game:
    """Generate the game and play every command of every state that can be reached."""
    file, walkthrough = generate(recipe, folder)
    with _quiet():
        scenes, following = _play_everything(Interpreter(file))
    return Game(
        name=recipe.name,
        observations=[scene.observation for scene in scenes],
        following=following,
        won=[scene.won for scene in scenes],
        walkthrough=walkthrough,
    )


def _play_everything(interpreter: Interpreter) -> tuple[list[_Scene], list[dict[str, int]]]:
    interpreter.restart()
    number = {interpreter.situation: 0}
    scenes = [_Scene((), interpreter)]
    following: list[dict[str, int]] = []
    here = 0
    for state, scene in enumerate(scenes):  # grows while new states turn up
        following.append({})
        for command in scene.commands:
            if here != state:
                interpreter.restart(scene.path)
            interpreter.send(command)
            here = number.setdefault(interpreter.situation, len(number))
            following[state][command] = here
            if here == len(scenes):
                scenes.append(_Scene((*scene.path, command), interpreter))
    return scenes, following


class _Scene:
    """The situation of the interpreter as it is stored, and the commands that led to it."""

    def __init__(self, path: tuple[str, ...], interpreter: Interpreter) -> None:
        self.path = path
        self.commands = interpreter.commands
        self.won = interpreter.won
        self.observation = interpreter.look()
