"""`python -m benchmarks`: measure, compare two commits, write the page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import allocator, compare, grid, peers, report, results, show
from benchmarks.files.file_command import files
from benchmarks.machine import ROOT, machine
from benchmarks.run import Setting, measure, setting
from benchmarks.work import Plan
from creditlib.cli.allocator import allocator as allocator_name

__all__ = ["app"]

RESULTS = ROOT / "benchmarks" / "results"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def _paths(given: list[str]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for each in given:
        name, equals, path = each.partition("=")
        if not equals or not path:
            raise typer.BadParameter(f"{each!r} is not NAME=PATH")
        paths[name] = Path(path).expanduser().resolve()
    return paths


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    only: Annotated[str, typer.Option(help="Rows that hold this; * is anything.")] = "",
    quick: Annotated[bool, typer.Option(help="Tiny inputs: does it run?")] = False,
    threads: Annotated[int, typer.Option(help="Threads for everybody; 0: all cores.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    backend: Annotated[str, typer.Option(help="Backends of ours, with commas.")] = "auto,torch",
    seconds: Annotated[float, typer.Option(help="Seconds for one row, slow peers apart.")] = 2.0,
    repeat: Annotated[int, typer.Option(help="Rounds for everybody; 0: as the seconds allow.")] = 0,
    slow: Annotated[bool, typer.Option(help="Peers that take a minute a call, too.")] = False,
    default: Annotated[
        bool, typer.Option(help="Large rows also in a process with the allocator's defaults.")
    ] = True,
    peer: Annotated[list[str], typer.Option(help="NAME=PATH of a checkout.")] = [],  # noqa: B006
    base: Annotated[str, typer.Option(help="Compare with this commit instead.")] = "",
    path: Annotated[
        Path | None,
        typer.Option("--results", help="File to append to; '-', and without it --quick: none."),
    ] = None,
) -> None:
    """Measure rows of the grid and append them to benchmarks/results/<machine>.csv."""
    if context.invoked_subcommand is not None:
        return
    chosen = grid.chosen(only, quick)
    if not chosen:
        raise typer.BadParameter(f"no row holds {only!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise typer.BadParameter("there is no GPU here")
    if threads:
        torch.set_num_threads(threads)
    console = Console(soft_wrap=True, highlight=False)
    if base:
        keys = [plan.key for plan in chosen if not plan.axis]
        table = compare.against(base, keys, rounds=repeat or 5, seconds=seconds / 10)
        console.print("\n".join(table), markup=False)
        return
    paths = _paths(peer)
    found, absent = peers.find(paths)
    for name, each in found.items():
        console.print(f"peer {name} {each.version} ({each.found})", markup=False)
    for name, reason in absent.items():
        console.print(f"peer {name} is absent: {reason}", markup=False)
    if device == "cpu":
        allocator.warm()
        console.print(allocator.verify(), markup=False)
    here = setting(
        device=device,
        backends=tuple(backend.split(",")),
        peers=found,
        seconds=seconds,
        repeat=repeat or None,
        slow=slow,
        default=default and device == "cpu" and (allocator_name() or "").startswith("glibc"),
        paths=paths,
    )
    target = path or Path("-" if quick else RESULTS / f"{machine(device)}.csv")
    if not _measure_all(chosen, here, target, console):
        raise typer.Exit(1)


def _measure_all(chosen: Sequence[Plan], here: Setting, target: Path, console: Console) -> bool:
    """Row after row, each printed and appended as it is done; False if one of ours failed."""
    whole = True
    with _progress(console) as progress:
        task = progress.add_task("", total=len(chosen))
        for plan in chosen:
            progress.update(task, description=plan.key)
            try:
                rows = measure(plan, here)
            except Exception as error:  # the other rows are still wanted; the exit code tells
                whole = False
                failure = f"{plan.key} failed: {type(error).__name__}: {error}"
                console.print(failure, markup=False)
            else:
                console.print("\n".join(show.lines(rows)), markup=False)
                if str(target) != "-":
                    results.append(target, rows)
            progress.advance(task)
    return whole


def _progress(console: Console) -> Progress:
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
        console=console,
        transient=True,
        disable=not sys.stderr.isatty() and not console.is_terminal,
    )


app.command("files")(files)


@app.command("report")
def write(
    path: Annotated[Path, typer.Option("--results", help="Folder of results.")] = RESULTS,
    docs: Annotated[Path, typer.Option(help="Where performance.md and plots/ go.")] = ROOT / "docs",
) -> None:
    """Write docs/performance.md and its plots from the rows that are there."""
    made = report.write(sorted(path.glob("*.csv")), docs, path / "predicted")
    typer.echo("\n".join(str(each) for each in made))
