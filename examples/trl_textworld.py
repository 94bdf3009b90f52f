"""GRPO and GiGPO train a small language model to play text games, inside TRL's own trainer.

    python -m examples.trl_textworld

Every seed has two TextWorld games of its own, a tokenizer trained on their texts, and a Llama of
some 86,000 random weights. Supervised first steps teach it to answer with commands the game
admits (`trl_textworld_model`); from there `CreditGRPOTrainer` trains it twice, with equal weights,
games, random numbers and settings: once with GRPO's credit and once with GiGPO's. TRL gets whole
episodes through its `rollout_func` (`trl_textworld_play`): what the game says is masked, and every
turn tells the observation it started from.

Needs `pip install trl 'creditlib[demo]'`; written for TRL 1.16.
"""

from __future__ import annotations

import copy
import importlib
import importlib.metadata
import multiprocessing
import platform
import tempfile
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import track

from examples.textworld.games import Game, Recipe, build
from examples.textworld.statistics import interval
from examples.textworld.tables import curve_table, difference
from examples.trl_textworld_model import make_model, make_tokenizer, warm_up
from examples.trl_textworld_play import Player, Rollouts

__all__ = ["Run", "Settings", "make_games", "prepare", "run_seed", "trained"]

ESTIMATORS = ("grpo", "gigpo")


@dataclass(frozen=True)
class Settings:
    """The same for both estimators."""

    updates: int = 60
    generations: int = 12
    turns: int = 12
    learning_rate: float = 1e-3
    warm_up: int = 60


@dataclass(frozen=True)
class Run:
    """What a seed gave: share of games won, update by update, for each estimator."""

    curves: dict[str, list[float]]
    parameters: int
    admitted: float


@dataclass(frozen=True)
class Start:
    """What both estimators start from."""

    model: Any
    tokenizer: Any
    players: Sequence[Player]
    admitted: float


def make_games(seed: int) -> list[Game]:
    """A search for a coin and a quest of three commands, different ones for every seed."""
    recipes = (
        Recipe("coin", "tw-coin_collector", {"level": 103}, seed),
        Recipe("quest", "quest", {"nb_rooms": 2, "nb_objects": 3, "quest_length": 3}, seed),
    )
    with tempfile.TemporaryDirectory() as folder:
        return [build(recipe, Path(folder)) for recipe in recipes]


def prepare(games: Sequence[Game], seed: int, settings: Settings) -> Start:
    """The model of a seed, after its supervised steps."""
    tokenizer = make_tokenizer(games)
    players = [Player(game, tokenizer) for game in games]
    model = make_model(tokenizer, seed)
    admitted = warm_up(
        model, tokenizer, players, turns=settings.turns, steps=settings.warm_up, seed=seed
    )
    return Start(model, tokenizer, players, admitted)


def won(completions: Sequence[str], won: Sequence[bool], **ignored: Any) -> list[float]:
    """TRL's reward function: 1 for a game won in time."""
    return [float(each) for each in won]


def trained(start: Start, estimator: str, settings: Settings, seed: int, folder: str) -> Any:
    """The trainer after training a copy of the model with an estimator's credit."""
    trl: Any = importlib.import_module("trl")
    credit: Any = importlib.import_module("creditlib.integrations.trl")
    datasets: Any = importlib.import_module("datasets")
    callbacks: Any = importlib.import_module("transformers.trainer_callback")
    prompts = [player.prompt for player in start.players]
    rollouts = Rollouts(start.players, start.tokenizer, turns=settings.turns, seed=2**31 + seed)
    arguments = trl.GRPOConfig(
        output_dir=folder,
        max_steps=settings.updates,
        num_generations=settings.generations,
        per_device_train_batch_size=len(prompts) * settings.generations,
        temperature=1.0,  # what `Rollouts` samples at
        learning_rate=settings.learning_rate,
        lr_scheduler_type="constant",
        seed=seed,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = credit.CreditGRPOTrainer(
        model=copy.deepcopy(start.model),
        reward_funcs=won,
        args=arguments,
        train_dataset=datasets.Dataset.from_dict({"prompt": prompts}),
        processing_class=start.tokenizer,
        rollout_func=rollouts,
        credit=estimator,
    )
    trainer.remove_callback(callbacks.PrinterCallback)
    trainer.train()
    return trainer


def run_seed(seed: int, settings: Settings) -> Run:
    """Both estimators, from the same start."""
    start = prepare(make_games(seed), seed, settings)
    curves: dict[str, list[float]] = {}
    for name in ESTIMATORS:
        with tempfile.TemporaryDirectory() as folder:
            curves[name] = trained(start, name, settings, seed, folder).rollout_func.won
    parameters = sum(each.numel() for each in start.model.parameters())
    return Run(curves, parameters, start.admitted)


def begin_worker() -> None:
    """One thread, since the other core has another seed; no warnings that are TRL's business."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", "You are using 'rollout_func'")


def report(console: Console, runs: Sequence[Run], settings: Settings, seconds: float) -> None:
    """The table, what may be said of it, and what it was made with."""
    curves = {name: torch.tensor([run.curves[name] for run in runs]) for name in ESTIMATORS}
    admitted = interval(torch.tensor([run.admitted for run in runs])).percent()
    sizes = sorted(run.parameters for run in runs)
    console.print(curve_table(curves, windows=6))
    found = difference(curves)
    first, second = ESTIMATORS
    if found.contains_zero:
        said = "the interval contains 0: no difference is shown"
    else:
        said = f"the interval excludes 0: {second if found.mean > 0 else first} won more"
    names = ("trl", "transformers", "torch", "textworld")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    console.print(
        f"Over all {settings.updates} updates, {second} minus {first}: "
        f"{found.percent(sign=True)} percentage points;\n{said}.\n"
        f"{len(runs)} paired seeds, each with its own two games, weights and random numbers.\n"
        f"The same for both: {settings.generations} rollouts of each game in an update, "
        f"{settings.turns} turns,\n"
        f"a constant learning rate of {settings.learning_rate:g}, TRL's defaults else.\n"
        f"Models of {sizes[0]} to {sizes[-1]} parameters; after {settings.warm_up} supervised "
        f"steps\n{admitted} % of answers are admitted.\n"
        f"{seconds:.0f} seconds in all.\n"
        f"Python {platform.python_version()}, {versions}."
    )


def main(
    seeds: Annotated[int, typer.Option(min=2, help="Paired runs.")] = 16,
    first_seed: Annotated[int, typer.Option(min=0, help="The others follow it.")] = 0,
    updates: Annotated[int, typer.Option(min=1)] = Settings.updates,
    learning_rate: Annotated[float, typer.Option()] = Settings.learning_rate,
    processes: Annotated[int, typer.Option(min=1, help="Seeds at a time.")] = 2,
) -> None:
    """Train with GRPO and with GiGPO on paired seeds; print both learning curves."""
    began = time.perf_counter()
    settings = Settings(updates=updates, learning_rate=learning_rate)
    spawn = multiprocessing.get_context("spawn")
    numbers = range(first_seed, first_seed + seeds)
    with ProcessPoolExecutor(processes, spawn, begin_worker) as pool:
        running = pool.map(run_seed, numbers, [settings] * seeds)
        shown = Console(stderr=True)
        runs = list(track(running, "training", seeds, console=shown, transient=True))
    report(Console(width=100, highlight=False), runs, settings, time.perf_counter() - began)


if __name__ == "__main__":
    typer.run(main)
