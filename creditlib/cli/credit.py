"""`creditlib credit`: write the credit of stored rollouts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from creditlib.cli.named_modules import import_named
from creditlib.cli.rollout_options import (
    EstimatorNames,
    FormatName,
    KeyNames,
    RewardWeights,
    import_estimators,
    key_names,
    option_values,
    options_as_typed,
    reward_weights,
)
from creditlib.cli.typer_app import app, make_console
from creditlib.report.metrics import titled_table
from creditlib.rollouts import credit as credit_rollouts
from creditlib.rollouts.crediting import CREDIT_QUANTILES, Summary
from creditlib.rollouts.crediting import Progress as Step
from creditlib.rollouts.formats import AUTO
from creditlib.vocabulary.messages import one_line

__all__ = ["credit"]

# How refusals of the functions below start, and the option that their argument comes from.
_FLAGS = {
    "credit: `estimators`": "--estimator",
    "credit: `paths`": "INPUT",
    "credit: `out`": "--out",
    "credit: `options`": "--option",
    "credit: `to`": "--to",
    "credit: `stitch`": "--stitch",
    "credit: `filter`": "--filter",
    "credit: `memory`": "--memory",
    "credit: `jobs`": "--jobs",
    "credit: `engine`": "--engine",
    "credit: `reward_weights`": "--reward-weight",
    "credit: `keys`": "--key",
}
_REMEDIES = {"with `overwrite`": "with --overwrite"}


@app.command(short_help="Write the credit of stored rollouts to files.")
def credit(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...", help="Files, folders, quoted patterns, or - for standard input."
        ),
    ],
    estimator: EstimatorNames,
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="Folder to write to; else beside each input.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", help="Such as gigpo.gamma=0.9.")
    ] = None,
    format: FormatName = AUTO,
    key: KeyNames = None,
    reward_weight: RewardWeights = None,
    to: Annotated[str | None, typer.Option(help="parquet, jsonl, verifiers or atropos.")] = None,
    stitch: Annotated[
        bool, typer.Option("--stitch", help="Write copies of the inputs with the columns added.")
    ] = False,
    filter: Annotated[
        str | None, typer.Option(help="informative: only groups whose credit is not 0.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the outputs that an equal run has finished.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Count rows that cannot be read, and go on.")
    ] = False,
    memory: Annotated[str, typer.Option(help="What columns may take in memory.")] = "1GB",
    jobs: Annotated[int, typer.Option(min=1, help="Processes that share the work.")] = 1,
    engine: Annotated[str, typer.Option(help="local, or ray: tasks of a Ray cluster.")] = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Credit every trajectory of the inputs, and write one file of credit for each input.

    NAME.credit.parquet lies beside NAME.parquet or NAME.jsonl and has its rows in its order.
    Groups may lie in several files. Nothing is half written.
    """
    import_named("credit", "--format", format)
    more: dict[str, Any] = {
        "keys": key_names("credit", key),
        "reward_weights": reward_weights("credit", reward_weight),
    }
    options = option_values("credit", option, estimator)
    start = time.monotonic()
    with options_as_typed("credit", _FLAGS, _REMEDIES), _progress() as tell:
        import_estimators("credit", estimator, options)
        found = credit_rollouts(
            inputs,
            estimator,
            out=out,
            options=options,
            format=format,
            to=to,
            stitch=stitch,
            filter=filter,
            overwrite=overwrite,
            resume=resume,
            skip_bad=skip_bad,
            memory=memory,
            jobs=jobs,
            engine=engine,
            progress=tell,
            **more,
        )
    if as_json:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False))
        return
    console = make_console()
    for note in found.notes:
        console.print(Text(one_line(note), style="yellow"), soft_wrap=True)
    if found.rows:
        console.print(_counts(found, time.monotonic() - start))
        console.print(_quantiles(found.credit))
    console.print(Text(_written(found)), soft_wrap=True)


@contextmanager
def _progress() -> Generator[Callable[[Step], None]]:
    """A bar on stderr, if that is a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[facts]}"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    start = time.monotonic()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("read", total=None, facts="")

        def tell(step: Step) -> None:
            speed = step.bytes / 1e6 / max(time.monotonic() - start, 1e-9)
            facts = f"{step.rows:,} rows, {step.groups:,} groups, {speed:,.0f} MB/s"
            bar.update(task, description=step.stage, total=step.of_bytes, facts=facts)
            bar.update(task, completed=step.bytes)

        yield tell


def _counts(found: Summary, seconds: float) -> Table:
    table = titled_table("rollouts")
    rows = {
        "rows": found.rows,
        "trajectories": found.trajectories,
        "turns": found.turns,
        "excluded (no outcome)": found.excluded,
        "bad": found.bad,
        "groups": found.groups,
        "lone": found.lone,
        "constant": found.constant,
        "informative": found.informative,
    }
    table.add_column("count")
    table.add_column("", justify="right")
    for name, count in rows.items():
        table.add_row(name, f"{count:,}")
    table.add_row("MB/s", f"{found.bytes / 1e6 / max(seconds, 1e-9):,.1f}")
    return table


def _quantiles(credit: Mapping[str, Mapping[float, float]]) -> Table:
    table = titled_table("credit by quantile")
    table.add_column("estimator")
    for share in CREDIT_QUANTILES:
        table.add_column(f"{share:.0%}", justify="right", no_wrap=True)
    for name, each in credit.items():
        values = ["-" if each[share] != each[share] else f"{each[share]:+.3f}" for share in each]
        table.add_row(one_line(name), *values)
    return table


def _written(found: Summary) -> str:
    count = len(found.outputs) - len(found.kept)
    noun = "file" if count == 1 else "files"
    kept = f", kept {len(found.kept)} finished" if found.kept else ""
    first = f": {found.outputs[0]}" if len(found.outputs) == 1 else ""
    return one_line(f"wrote {count} {noun}{kept}{first}.")
