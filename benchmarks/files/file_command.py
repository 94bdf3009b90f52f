"""`python -m benchmarks files`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.files.file_rows import FileRow, append
from benchmarks.machine import ROOT, machine

__all__ = ["files"]

_TESTS = ("main", "series", "jobs", "memory")
_QUICK = 7200  # rows: about 47 MB
_LARGE = 8  # times the rows, in the test of the memory budget


def files(
    test: Annotated[
        list[str], typer.Option(help="main, series, jobs or memory; main without it.")
    ] = ["main"],  # noqa: B006
    only: Annotated[str, typer.Option(help="Contestants of main that hold this.")] = "",
    quick: Annotated[bool, typer.Option(help="47 MB, and no rows are kept.")] = False,
    rows: Annotated[int, typer.Option(help="Trajectories; 192,000 are 1.26 GB.")] = 192_000,
    parts: Annotated[int, typer.Option("--files", help="Files.")] = 24,
    straddle: Annotated[float, typer.Option(help="Share of groups across files.")] = 0.5,
    words: Annotated[int, typer.Option(help="Words of a turn, on average.")] = 51,
    tokens: Annotated[int, typer.Option(help="Token ids of a turn, on average.")] = 120,
    kind: Annotated[str, typer.Option(help="parquet or jsonl.")] = "parquet",
    seed: Annotated[int, typer.Option(help="Seed of the data.")] = 5,
    estimator: Annotated[str, typer.Option("--estimator", "-e")] = "gigpo",
    cores: Annotated[int, typer.Option(help="Cores of main, series and memory.")] = 1,
    budget: Annotated[str, typer.Option("--memory", help="Budget of memory.")] = "500MB",
    limit: Annotated[float, typer.Option(help="Seconds for one process.")] = 900.0,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the data, which stays; else a temporary one.")
    ] = None,
    path: Annotated[
        Path | None,
        typer.Option("--results", help="File to append to; '-', and without it --quick: none."),
    ] = None,
) -> None:
    """Measure credit of stored rollouts: ours, Polars, DuckDB and Ray Data, each a process.

    main: everybody on one input. series: ours over two decades of rows. jobs: ours with two
    processes on two cores. memory: eight times the rows under a budget.
    """
    unknown = [each for each in test if each not in _TESTS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(_TESTS)}")
    if kind not in ("parquet", "jsonl"):
        raise typer.BadParameter(f"{kind!r} is none of parquet, jsonl")
    from benchmarks.files import measure  # needs pyarrow, which the other commands do not
    from benchmarks.files.data import Size

    size = Size(
        _QUICK if quick else rows, parts, straddle=straddle, words=words, tokens=tokens,
        kind=kind, seed=seed,
    )  # fmt: skip
    place = data or Path(tempfile.mkdtemp(prefix="creditlib-files-"))
    target = path or Path(
        "-" if quick else ROOT / "benchmarks" / "results" / "files" / f"{machine('cpu')}.csv"
    )
    large = replace(size, rows=_LARGE * size.rows)
    here, there = place / f"{kind}-{size.rows}", place / f"{kind}-{large.rows}"
    say = typer.echo
    runs: dict[str, Callable[[], list[FileRow]]] = {
        "main": lambda: measure.main(size, here, estimator, cores, limit, only, say),
        "series": lambda: measure.series(size, here, estimator, cores, limit, say),
        "jobs": lambda: measure.jobs(size, here, estimator, limit, say),
        "memory": lambda: measure.memory(large, there, estimator, cores, limit, budget, say),
    }
    failed = False
    try:
        for name in test:
            found = runs[name]()
            failed |= any(row.refused and row.side == "ours" for row in found)
            if str(target) != "-":
                append(target, found)
    finally:
        if data is None:
            shutil.rmtree(place, ignore_errors=True)
    if failed:
        raise typer.Exit(1)
