"""The search for `SETTINGS`: `python -m examples.textworld.tune` prints the grid in a few minutes.

Each estimator is tuned on the same grid, on seeds that the demo does not use; the best point has
the largest share of games won over all updates. One value for both would favour one of them: the
entropy bonus competes with the credit, whose size differs between estimators.
"""

from __future__ import annotations

import tempfile
from itertools import product
from pathlib import Path

import torch
from rich.console import Console

from examples.textworld.games import RECIPES, build
from examples.textworld.statistics import interval
from examples.textworld.train import CREDIT, Settings, share_won, train
from examples.textworld.world import World, join

__all__ = ["won"]

LEARNING_RATES = (0.01, 0.03, 0.1, 0.3)
ENTROPIES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
TUNING_SEEDS = range(1000, 1032)


def main() -> None:
    """Print every point of the grid, then the best of each estimator."""
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        world = join([build(recipe, Path(folder)) for recipe in RECIPES])
    for estimator in CREDIT:
        found: dict[Settings, float] = {}
        for learning_rate, entropy in product(LEARNING_RATES, ENTROPIES):
            settings = Settings(learning_rate, entropy)
            share = interval(won(world, estimator, settings))
            found[settings] = share.mean
            console.print(f"{estimator} {learning_rate:g} {entropy:g} {share.percent()}")
        best = max(found, key=lambda settings: found[settings])
        console.print(f"{estimator} best: {best}")


def won(world: World, estimator: str, settings: Settings) -> torch.Tensor:
    """Share of games won over all updates, by seed."""
    runs = train(world, estimator, TUNING_SEEDS, settings)
    shares = [share_won(each, len(TUNING_SEEDS)) for each in runs]
    return torch.stack(shares).mean(dim=0)


if __name__ == "__main__":
    main()
