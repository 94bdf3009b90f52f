"""Runs the contestants on generated files, compares their credit, and makes rows."""

from __future__ import annotations

import datetime
import importlib.metadata
import importlib.util
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from benchmarks.files.child import Child, run
from benchmarks.files.data import Size, generate
from benchmarks.files.file_rows import FileRow
from benchmarks.machine import facts
from creditlib.testing import agree

__all__ = [
    "CONTESTANTS",
    "Contestant",
    "Say",
    "credit_of",
    "gated",
    "jobs",
    "main",
    "memory",
    "series",
]

Say = Callable[[str], None]
_SERIES = (0.01, 0.0316, 0.1, 0.316, 1.0)  # of the rows: two decades


@dataclass(frozen=True)
class Contestant:
    """Who is measured. `job` is one of `jobs.JOBS`, "" for the command; `package` is what it needs.

    credits: whether it writes credit, which is then compared with ours.
    """

    name: str
    side: str
    job: str
    package: str = ""
    credits: bool = True
    options: tuple[str, ...] = ()
    note: str = ""


_SHUFFLE = "whole rows to 64 parts by hash of the group; no credit yet"
_PARTS = "64 parts by hash of the group, creditlib on each; in no order, joined by `id`"
_GRPO = "grpo written as expressions on two columns; no turn is read"
CREDIT = Contestant("creditlib", "ours", "credit", note="rollouts.credit")
CONTESTANTS = (
    Contestant("every byte read once", "floor", "every byte", credits=False),
    Contestant("creditlib credit", "ours", "", note="the command"),
    CREDIT,
    Contestant("creditlib, rollouts.read", "ours", "read", credits=False, note="tensors only"),
    Contestant("polars, map_groups", "peer", "polars", "polars", note=_PARTS),
    Contestant("polars, expressions", "peer", "polars grpo", "polars", note=_GRPO),
    Contestant("polars, shuffle", "peer", "polars shuffle", "polars", False, note=_SHUFFLE),
    Contestant("duckdb, ordered batches", "peer", "duckdb", "duckdb", note=_PARTS),
    Contestant("duckdb, shuffle", "peer", "duckdb shuffle", "duckdb", False, note=_SHUFFLE),
    Contestant("ray data, map_groups", "peer", "ray", "ray", note=_PARTS),
)


def main(
    size: Size, folder: Path, estimator: str, cores: int, limit: float, only: str, say: Say
) -> list[FileRow]:
    """Everybody on one input. Whoever does not give our credit gets a row without numbers."""
    base, files = _base(size, folder, estimator, cores, "main")
    chosen = [each for each in CONTESTANTS if only in each.name or each is CREDIT]
    rows: list[FileRow] = []
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        truth: Any = None
        _measure(CONTESTANTS[0], base, files, Path(place), limit)  # the files are in memory then
        for each in chosen:
            if size.kind != "parquet" and each.side == "peer":
                rows.append(replace(_named(base, each), refused="its job is written for Parquet"))
            elif each.note == _GRPO and estimator != "grpo":
                rows.append(replace(_named(base, each), refused="its job is written for grpo"))
            else:
                row, out = _measure(each, base, files, Path(place), limit)
                if each.credits and not row.refused:
                    found = credit_of(out, estimator)
                    truth = found if truth is None else truth
                    row = gated(row, found, truth)
                rows.append(row)
                shutil.rmtree(out, ignore_errors=True)
            say(line(rows[-1]))
    return rows


def series(
    size: Size, folder: Path, estimator: str, cores: int, limit: float, say: Say
) -> list[FileRow]:
    """Ours on one to a hundred hundredths of the rows, in as many files."""
    rows: list[FileRow] = []
    for share in _SERIES:
        part = replace(size, rows=max(size.files * size.group, int(size.rows * share)))
        place = folder if part == size else folder.with_name(f"{folder.name}-{part.rows}")
        rows.append(_alone(CREDIT, part, place, estimator, cores, limit, "series", say))
    return rows


def jobs(size: Size, folder: Path, estimator: str, limit: float, say: Say) -> list[FileRow]:
    """Ours with one and with two processes, on two cores."""
    two = replace(CREDIT, name="creditlib, --jobs 2", options=("jobs=2",))
    return [_alone(each, size, folder, estimator, 2, limit, "jobs", say) for each in (CREDIT, two)]


def memory(
    size: Size, folder: Path, estimator: str, cores: int, limit: float, budget: str, say: Say
) -> list[FileRow]:
    """Ours with a budget that the columns exceed."""
    tight = replace(CREDIT, name=f"creditlib, --memory {budget}", options=(f"memory={budget}",))
    return [_alone(tight, size, folder, estimator, cores, limit, "memory", say)]


def line(row: FileRow) -> str:
    """What a run prints of a contestant.

    >>> print(line(FileRow(contestant="x", seconds=2.0, bytes=10**9, peak_bytes=10**8)))
    x                                  2.0 s    500 MB/s  0.10 GB
    >>> print(line(FileRow(contestant="x", refused="polars is not installed")))
    x                                no number: polars is not installed
    """
    name = f"{row.contestant:32}"
    if row.seconds is None or row.peak_bytes is None:
        return f"{name} no number: {row.refused}"
    speed = row.bytes / 1e6 / row.seconds
    inner = f"  ({row.inner_seconds:.1f} s without imports)" if row.inner_seconds else ""
    return f"{name} {row.seconds:5.1f} s {speed:6,.0f} MB/s  {row.peak_bytes / 1e9:.2f} GB{inner}"


def _base(
    size: Size, folder: Path, estimator: str, cores: int, test: str
) -> tuple[FileRow, list[Path]]:
    """What the rows of a test share, and its files."""
    files = generate(folder, size)
    total = sum(path.stat().st_size for path in files)
    now = datetime.datetime.now(datetime.timezone.utc)
    known = {k: v for k, v in facts("cpu").items() if k in FileRow.__dataclass_fields__}
    shown = f"{size.rows:,} trajectories, {total / 1e9:.3g} GB {size.kind}, {size.straddle:.0%} "
    made = FileRow(
        date=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        run=uuid.uuid4().hex[:8],
        test=test,
        input=f"{shown}of the groups across {size.files} files",
        rows=size.rows,
        files=size.files,
        bytes=total,
        cores=cores,
        estimator=estimator,
        pyarrow=pa.__version__,
        **known,
    )
    return made, files


def _alone(
    each: Contestant,
    size: Size,
    folder: Path,
    estimator: str,
    cores: int,
    limit: float,
    test: str,
    say: Say,
) -> FileRow:
    base, files = _base(size, folder, estimator, cores, test)
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        row, _ = _measure(each, base, files, Path(place), limit)
    say(f"{row.rows:9,} rows  {line(row)}")
    return row


def _named(base: FileRow, each: Contestant) -> FileRow:
    version = importlib.metadata.version(each.package) if _installed(each) and each.package else ""
    return replace(base, contestant=each.name, side=each.side, note=each.note, version=version)


def _installed(each: Contestant) -> bool:
    return not each.package or importlib.util.find_spec(each.package) is not None


def _measure(
    each: Contestant, base: FileRow, files: Sequence[Path], place: Path, limit: float
) -> tuple[FileRow, Path]:
    """The row of a contestant, and the folder that it wrote."""
    out, scratch = place / each.name.replace(" ", "-"), place / "scratch"
    for folder in (out, scratch):
        folder.mkdir(exist_ok=True)
    row = _named(base, each)
    if not _installed(each):
        return replace(row, refused=f"{each.package} is not installed"), out
    if each.job:
        command = [sys.executable, "-m", "benchmarks.files.jobs", each.job, str(files[0].parent)]
        command += [str(out), f"estimator={base.estimator}", f"cores={base.cores}"]
        command += [f"scratch={scratch}", *each.options]
    else:
        command = [sys.executable, "-m", "creditlib", "credit", *map(str, files)]
        command += ["-e", base.estimator, "-o", str(out)]
    found: Child = run(command, cores=base.cores, limit=limit, environment={"TMPDIR": str(scratch)})
    shutil.rmtree(scratch, ignore_errors=True)
    if found.failure:
        return replace(row, refused=found.failure), out
    return replace(
        row, seconds=found.seconds, inner_seconds=found.inner, peak_bytes=found.peak
    ), out


def credit_of(out: Path, estimator: str) -> pa.Table:
    """`id` and `credit` of all trajectories that a contestant wrote, in the order of `id`."""
    tables: list[pa.Table] = []
    for path in sorted(out.rglob("*.parquet")):
        table = pq.read_table(path, partitioning=None)
        if estimator in table.column_names:
            table = table.select(["trajectory", estimator]).rename_columns(["id", "credit"])
        if pa.types.is_floating(table.schema.field("credit").type):
            ends = pa.array(range(table.num_rows + 1), pa.int32())
            lists = pa.ListArray.from_arrays(ends, table["credit"].combine_chunks())
            table = pa.table({"id": table["id"], "credit": lists})
        tables.append(table.select(["id", "credit"]).cast(_CREDIT))
    return pa.concat_tables(tables).sort_by("id").combine_chunks()


_CREDIT = pa.schema({"id": pa.string(), "credit": pa.large_list(pa.float64())})


def gated(row: FileRow, found: pa.Table, truth: pa.Table) -> FileRow:
    """The row, without its numbers if its credit is not ours up to float32."""
    reason = ""
    if not found["id"].equals(truth["id"]):
        reason = f"{found.num_rows:,} trajectories of {truth.num_rows:,}"
    else:
        flat = (pc.list_flatten(each["credit"]).to_numpy().copy() for each in (found, truth))
        one, other = map(torch.from_numpy, flat)
        if not agree(one, other, "law, float32"):
            reason = "its credit differs from ours"
    if not reason:
        return row
    return replace(row, seconds=None, inner_seconds=None, peak_bytes=None, refused=reason)
