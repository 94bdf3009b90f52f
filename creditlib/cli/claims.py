"""`creditlib claims`: what papers claim, in miniature, with controls and frozen criteria."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator
from typing import Annotated

import typer
from rich.text import Text

from creditlib.audit.miniatures import LIMITS, Runs, not_reproduced
from creditlib.audit.miniatures import claims as run_claims
from creditlib.cli.as_typed import as_typed
from creditlib.cli.typer_app import app, make_console
from creditlib.report.claims_table import claims_as_json, claims_table, limit_sentences

__all__ = ["claims"]


@app.command(short_help="Test the claims of papers on exact tasks.")
def claims(
    which: Annotated[str, typer.Option(help="Letters of the claims to run.")] = "abcdef",
    seeds: Annotated[int, typer.Option(min=2, help="Paired runs of each claim.")] = 20,
    base: Annotated[int, typer.Option(min=0, help="Number that selects the seeds.")] = 0,
    measure: Annotated[
        bool, typer.Option("--all", help="Also measure what does not reproduce.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run the claims of papers in miniature, with controls; exit code 1 if one fails.

    The criteria were fixed before the runs. What does not reproduce, and the limits, are printed
    below the table.
    """
    steps = len(which) + measure
    with (
        as_typed("claims", {"claims: `which`": "--which"}),
        _progress(steps, sys.stderr.isatty() and not as_json) as progress,
    ):
        found = run_claims(which, seeds, base, progress=lambda letter: progress(f"claim {letter}"))
        if measure:
            progress("what does not reproduce")
        limits = not_reproduced(Runs(seeds, base) if measure else None)
    if as_json:
        typer.echo(claims_as_json(found, limits, seeds, base))
    else:
        console = make_console(150)
        console.print(claims_table(found))
        console.print(Text("What does not reproduce here", "bold"))
        for text in (*limit_sentences(limits), ""):
            console.print(Text(f"- {text}" if text else ""))
        console.print(Text("Limits of all of it", "bold"))
        for text in LIMITS:
            console.print(Text(f"- {text}"))
    if not all(each.passed for each in found):
        raise typer.Exit(1)


@contextlib.contextmanager
def _progress(steps: int, shown: bool) -> Generator[Callable[[str], None]]:
    """A progress bar on stderr, removed at the end; a call begins the next step."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not shown) as bar:
        line = bar.add_task("", total=steps)
        begun = 0

        def begin(step: str) -> None:
            nonlocal begun
            bar.update(line, completed=begun, description=step)
            begun += 1

        yield begin
