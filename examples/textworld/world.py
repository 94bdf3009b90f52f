"""All games side by side as tensors, so that the episodes of every seed advance in one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

import creditlib as cl
from examples.textworld.games import Game

__all__ = ["World", "join"]


@dataclass(frozen=True)
class World:
    """The states and commands of all games, with consecutive numbers.

    observations: text by state.             seen: int[state], equal where the text is equal.
    commands: text by command.               start: int[game], the state each game starts in.
    following: int[state command], the state a command leads to, -1 where it is not admissible.
    won: bool[state].                        ended: bool[state].
    """

    games: Sequence[str]
    observations: Sequence[str]
    commands: Sequence[str]
    start: Tensor
    following: Tensor
    seen: Tensor
    won: Tensor
    ended: Tensor


def join(games: Sequence[Game]) -> World:
    """Number the states and commands of all games consecutively."""
    commands = sorted({name for game in games for edges in game.following for name in edges})
    number = {name: column for column, name in enumerate(commands)}
    observations = [text for game in games for text in game.observations]
    following = torch.full((len(observations), len(commands)), -1)
    start: list[int] = []
    first = 0
    for game in games:
        start.append(first)
        for state, edges in enumerate(game.following, start=first):
            for name, reached in edges.items():
                following[state, number[name]] = first + reached
        first += len(game.observations)
    return World(
        games=[game.name for game in games],
        observations=observations,
        commands=commands,
        start=torch.tensor(start),
        following=following,
        seen=cl.ids(observations),
        won=torch.tensor([won for game in games for won in game.won]),
        ended=(following < 0).all(dim=1),
    )
