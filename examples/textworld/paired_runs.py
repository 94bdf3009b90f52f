"""The demo from games to tables: GRPO, then GiGPO, on the same games, seeds and random numbers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from torch import Tensor

from creditlib.rollouts import write
from creditlib.vocabulary.messages import ContractError
from examples.textworld.games import RECIPES, Game, Recipe, build
from examples.textworld.rollout_file import mixed, shortest_mixed_group, trajectories
from examples.textworld.tables import curve_table, settings_table, verdict
from examples.textworld.train import SETTINGS, Episodes, Settings, share_won, train
from examples.textworld.world import World, join

__all__ = ["Result", "run"]


@dataclass(frozen=True)
class Result:
    """The result of a run of the demo.

    curves: by estimator, the share of games won in time, float[seed update].
    out: the rollouts that were written.
    group: the shortest group of them with both outcomes, which `creditlib explain` shows well.
    """

    curves: dict[str, Tensor]
    out: Path
    group: str


def run(
    *,
    seeds: int = 32,
    updates: int = 100,
    out: Path = Path("demo_rollouts.jsonl"),
    console: Console | None = None,
    recipes: Sequence[Recipe] = RECIPES,
) -> Result:
    """Train with `grpo`, then with `gigpo`; print the learning curves and what they show.

    Options:
        seeds: paired runs of each estimator, at least 2.
        updates: steps of the optimizer in a run, at least 1.
        out: where some of the first seed's rollouts go, a name that ends in .jsonl.
        recipes: the games.
    """
    for name, number, least in (("seeds", seeds, 2), ("updates", updates, 1)):
        if number < least:
            raise ContractError(f"demo: `{name}` must be at least {least}, got {number}.")
    if out.suffix != ".jsonl":
        raise ContractError(f"demo: `out` must end in .jsonl, got {str(out)!r}.")
    out.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    console = console or Console()
    lines: list[Any] = []

    def keep(update: int, estimator: str, episodes: Episodes) -> None:
        if update in (1, (updates + 3) // 4, (updates + 1) // 2, updates):
            rows = range(len(episodes.reward) // seeds)  # those of the first seed
            lines.extend(trajectories(world, episodes, rows, f"{estimator}/update-{update}"))

    columns = (TextColumn("{task.description:>22}"), BarColumn(), MofNCompleteColumn())
    with _one_thread(), Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        world = join(_games(recipes, progress))
        training = _Training(world, range(seeds), updates, progress)
        own = {
            name: training.curve(f"training {name}", name, SETTINGS[name], keep)
            for name in SETTINGS
        }
        crossed = {"each its own": own}
        for tuned, settings in SETTINGS.items():
            crossed[f"{tuned}'s settings for both"] = {
                name: own[name]
                if name == tuned
                else training.curve(f"{name}, {tuned}'s settings", name, settings)
                for name in SETTINGS
            }
    write(out, lines)
    group = shortest_mixed_group(lines)
    commands = int((world.following >= 0).sum())
    played = (
        f"{len(world.games)} games, {len(world.won)} states, {commands} commands, each played on "
        f"TextWorld's interpreter; {time.perf_counter() - began:.0f} seconds in all."
    )
    console.print(played, markup=False, highlight=False)
    console.print(curve_table(own))
    console.print(settings_table(crossed, SETTINGS))
    console.print(verdict(crossed), highlight=False)
    console.print(_offer(out, lines, group), markup=False, highlight=False, soft_wrap=True)
    return Result(own, out, group)


def _offer(out: Path, lines: Sequence[Any], group: str) -> str:
    """Where the rollouts are, and the commands that show their credit."""
    names = " ".join(f"-e {name}" for name in SETTINGS)
    both = mixed([line for line in lines if line["group"] == group])
    rule = "the shortest group with both outcomes" if both else "the shortest group"
    return (
        f"\n{len(lines)} of the first seed's rollouts are in {out}. A page for the browser shows "
        f"their credit:\n"
        f"  creditlib report {out} {names}\n"
        f"The terminal shows {rule}:\n"
        f"  creditlib explain {out} {names} -g {group}"
    )


@contextmanager
def _one_thread() -> Generator[None, None, None]:
    """Use one thread: the tensors are small, and on busy cores threads wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _games(recipes: Sequence[Recipe], progress: Progress) -> list[Game]:
    with tempfile.TemporaryDirectory() as folder:
        each = progress.track(recipes, description="playing TextWorld")
        return [build(recipe, Path(folder)) for recipe in each]


@dataclass(frozen=True)
class _Training:
    """The games, seeds and updates that every training run shares."""

    world: World
    seeds: Sequence[int]
    updates: int
    progress: Progress

    def curve(
        self,
        name: str,
        estimator: str,
        settings: Settings,
        keep: Callable[[int, str, Episodes], None] | None = None,
    ) -> Tensor:
        """Share of games won, float[seed update]; `keep` gets the episodes of each update."""
        steps = train(self.world, estimator, self.seeds, replace(settings, updates=self.updates))
        shown = self.progress.track(steps, total=self.updates, description=name)
        shares: list[Tensor] = []
        for update, episodes in enumerate(shown, start=1):
            shares.append(share_won(episodes, len(self.seeds)))
            if keep is not None:
                keep(update, estimator, episodes)
        return torch.stack(shares, dim=1)
