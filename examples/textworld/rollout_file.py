"""The episodes of a training run in the schema that `creditlib.rollouts` reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from examples.textworld.train import Episodes
from examples.textworld.world import World

__all__ = ["mixed", "shortest_mixed_group", "trajectories"]


def trajectories(world: World, episodes: Episodes, rows: Sequence[int], label: str) -> list[Any]:
    """One dictionary per row, in the schema of `docs/rollouts.md`; a group is 'label/game'."""
    found: list[Any] = []
    played: Counter[str] = Counter()
    for row in rows:
        game = world.games[int(episodes.group[row]) % len(world.games)]
        count = int(episodes.turn_count[row])
        states = episodes.state[row, :count].tolist()
        commands = episodes.command[row, :count].tolist()
        rewards = episodes.turn_reward[row, :count].tolist()
        turns = [
            {
                "observation": world.observations[state],
                "text": world.commands[command],
                "reward": reward,
            }
            for state, command, reward in zip(states, commands, rewards, strict=True)
        ]
        group = f"{label}/{game}"
        played[group] += 1
        outcome = float(episodes.reward[row])
        found.append({"group": group, "id": f"{played[group]}", "outcome": outcome, "turns": turns})
    return found


def mixed(lines: Sequence[Any]) -> bool:
    """Whether some of the games were won and some lost."""
    return len({line["outcome"] for line in lines}) > 1


def shortest_mixed_group(lines: Sequence[Any]) -> str:
    """The group that won some games and lost some, in the fewest turns; else the shortest."""
    groups: dict[str, list[Any]] = {}
    for line in lines:
        groups.setdefault(line["group"], []).append(line)

    def cost(name: str) -> tuple[bool, int]:
        return not mixed(groups[name]), sum(len(line["turns"]) for line in groups[name])

    return min(groups, key=cost)
