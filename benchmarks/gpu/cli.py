"""`python -m benchmarks.gpu`: one session on a GPU, within a time limit; or its rehearsal."""

from __future__ import annotations

import datetime
import os
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.gpu.commands import environment
from benchmarks.gpu.parts import PARTS
from benchmarks.gpu.session import NO_DEVICE, Outcome, Session, left_out, rows_of, run
from benchmarks.results import Row
from benchmarks.show import duration

__all__ = ["app"]

ROOT = Path(__file__).resolve().parents[2]
NAMES = [part.name for part in PARTS]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def session(
    context: typer.Context,
    rehearse: Annotated[
        bool, typer.Option(help="Without a GPU: kernels are compiled, nothing runs.")
    ] = False,
    minutes: Annotated[float, typer.Option(help="The whole session, at most.")] = 8.0,
    only: Annotated[str, typer.Option(help=f"Parts, with commas: {', '.join(NAMES)}.")] = "",
    out: Annotated[
        Path | None,
        typer.Option(envvar="OUT", help="Folder of rows and of the log; benchmarks/results."),
    ] = None,
    peer: Annotated[list[str], typer.Option(help="NAME=PATH of a checkout.")] = [],  # noqa: B006
) -> None:
    """Bring numbers from a GPU: facts, correctness, times, forms, rivals, tests, counters."""
    if context.invoked_subcommand is not None:
        return
    unknown = [name for name in filter(None, only.split(",")) if name not in NAMES]
    if unknown:
        raise typer.BadParameter(f"no part {', '.join(unknown)}; there are {', '.join(NAMES)}")
    console = Console(soft_wrap=True, highlight=False, width=200)
    prepare_environment()
    folder = ROOT / ("build/rehearsal" if rehearse else "benchmarks/results")
    here = Session(
        device="stand-in" if rehearse else "cuda",
        out=(out or folder).expanduser().resolve(),
        stamp=_stamp(),
        peers=tuple(_paths(peer)),
    )
    since = here.log.stat().st_size if here.log.exists() else 0
    chosen = [part for part in PARTS if not only or part.name in only.split(",")]
    outcomes = run(
        here,
        chosen,
        minutes * 60,
        say=lambda text: console.print(f"## {text}", markup=False),
    )
    if outcomes[-1].state == NO_DEVICE:
        raise typer.BadParameter("there is no GPU here; --rehearse does without one")
    rows = rows_of(here)
    summarize(console, rows, outcomes, here.out)
    for text in left_out(here, since):
        console.print(text, markup=False)
    if not all(each.fine for each in outcomes):
        raise typer.Exit(1)


@app.command("launches")
def write_launches(
    path: Annotated[Path, typer.Option("--results", help="The file to write anew.")] = ROOT
    / "benchmarks/results/predicted/launches.csv",
) -> None:
    """Count what every row of the grid launches, without a GPU."""
    prepare_environment()
    from benchmarks.gpu import launches
    from benchmarks.gpu.device import open_device
    from benchmarks.gpu.measuring import line
    from benchmarks.machine import facts

    device = open_device("stand-in")
    shared = dict(_stamp()) | facts("cpu") | {"device": device.kind}
    launches.write(path, device, shared, lambda row: typer.echo(line(row)))


def _stamp() -> tuple[tuple[str, str], ...]:
    """The columns that name a run."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return (("date", now.strftime("%Y-%m-%dT%H:%M:%SZ")), ("run", uuid.uuid4().hex[:8]))


def prepare_environment() -> None:
    """What processes inherit: they import the project, and no kernel is interpreted."""
    changed = environment(os.environ)
    os.environ.pop("TRITON_INTERPRET", None)
    os.environ.update(changed)
    sys.path.insert(0, str(ROOT))


def _paths(given: Sequence[str]) -> list[tuple[str, Path]]:
    pairs = [each.partition("=") for each in given]
    for each, (_, equals, path) in zip(given, pairs, strict=True):
        if not equals or not path:
            raise typer.BadParameter(f"{each!r} is not NAME=PATH")
    return [(name, Path(path).expanduser().resolve()) for name, _, path in pairs]


def summarize(
    console: Console, rows: Sequence[Row], outcomes: Sequence[Outcome], out: Path
) -> None:
    """The rows as a table, what is wrong, and what became of each part."""
    table = Table(box=None, pad_edge=False)
    for name in ("row", "who", "device", "copy", "wall", "host", "launches", "note"):
        table.add_column(name, justify="left" if name in ("row", "who", "note") else "right")
    for row in rows:
        if not row.refused:
            table.add_row(*cells(row))
    console.print(table)
    refused = [row for row in rows if row.refused]
    for row in refused:
        side = "WRONG" if row.side == "ours" else "no number"
        console.print(f"{side} {row.key} {row.contestant}: {row.refused}", markup=False)
    for each in outcomes:
        console.print(f"{each.part:14} {each.state}, {each.seconds:.0f} s", markup=False)
    console.print(f"{len(rows) - len(refused)} rows in {out}", markup=False)


def cells(row: Row) -> list[str]:
    """A line of the table.

    >>> cells(Row(op="gae", contestant="creditlib", p50_us=50.0, floor_us=25.0, launches=1))
    ['gae', 'creditlib', '50 µs', '50 %', '', '', '1', '']
    """
    share = f"{100 * row.floor_us / row.p50_us:.0f} %" if row.floor_us and row.p50_us else ""
    times = [duration(row.wall_us), duration(row.host_us)]
    launches = "" if row.launches is None else str(row.launches)
    return [row.key, row.contestant, duration(row.p50_us), share, *times, launches, row.note]
