"""The section of docs/performance.md on stored rollouts; '' where nothing was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.files.file_rows import FileRow, latest, read
from benchmarks.fit import exponent

__all__ = ["EXPONENT", "section", "verdicts"]

EXPONENT = 1.05
SECONDS, PEAK, READ_PEAK, BOUNDED_PEAK = 15.0, 0.7, 2.0, 1.0  # GB
FASTER, SMALLER, TWO_JOBS = 3.0, 3.0, 1.6
FULL = 1.1e9  # bytes: the figures in seconds and GB are for about 1.26 GB
LARGE = 9e9
HEAD = """\
## Credit of stored rollouts

`python -m benchmarks files` generates rollouts (text, token ids, groups whose members lie in
different files) and runs every contestant as a process of its own on so many cores; files are in
the page cache for everybody. **Seconds** are those of the whole process with its imports.
**Peak** is that of the process, or of all its processes together with shared pages counted once.
Whoever writes credit must give ours, trajectory by trajectory, or gets no number.
"""


def section(folder: Path) -> str:
    """The section, from the rows of a folder of results."""
    rows = latest(read(sorted(folder.glob("*.csv")))) if folder.exists() else []
    if not rows:
        return ""
    parts = [HEAD]
    for machine in sorted({row.machine for row in rows}):
        mine = [row for row in rows if row.machine == machine]
        about = f"python {mine[-1].python}, torch {mine[-1].torch}, pyarrow {mine[-1].pyarrow}"
        states = {f"{row.commit}{' with changes' * (row.dirty == 'yes')}" for row in mine}
        parts.append(f"### {machine}\n\n{about}; commit {', '.join(sorted(states))}.\n")
        lines = ["| work | to reach | measured | reached |", "|---|---|---|---|"]
        for each in verdicts(mine):
            lines.append(f"| {' | '.join(each)} |")
        parts += ["\n".join(lines) + "\n", _table(mine)]
    return "\n".join(parts)


def verdicts(rows: Sequence[FileRow]) -> list[tuple[str, str, str, str]]:
    """(work, target, measured, reached) of one machine's rows; what is not there is left out."""
    return [*_main([row for row in rows if row.test == "main"]), *_others(rows)]


def _main(rows: Sequence[FileRow]) -> Iterator[tuple[str, str, str, str]]:
    by_name = {row.contestant: row for row in rows if row.seconds is not None}
    ours = by_name.get("creditlib credit") or by_name.get("creditlib")
    if ours is None or ours.seconds is None or not ours.peak_bytes:
        return
    if ours.bytes >= FULL and ours.cores == 1:
        yield _most("credit, one core", ours.seconds, SECONDS, "s")
        yield _most("credit, peak", ours.peak_bytes / 1e9, PEAK, "GB")
    whole = by_name.get("creditlib, rollouts.read")
    if whole and whole.peak_bytes and whole.bytes >= FULL:
        yield _most("`rollouts.read`, peak", whole.peak_bytes / 1e9, READ_PEAK, "GB")
    for name, row in by_name.items():
        if row.side == "peer" and row.seconds and row.peak_bytes:
            yield _least(f"against {name}", row.seconds / ours.seconds, FASTER, "times faster")
            share = row.peak_bytes / ours.peak_bytes
            yield _least(f"against {name}", share, SMALLER, "times smaller")


def _others(rows: Sequence[FileRow]) -> Iterator[tuple[str, str, str, str]]:
    points = [row for row in rows if row.test == "series" and row.inner_seconds]
    points.sort(key=lambda row: row.rows)
    if len({row.rows for row in points}) > 1:
        sizes, times = zip(*((row.rows, row.inner_seconds or 1.0) for row in points), strict=True)
        work = f"credit, {sizes[0]:,} to {sizes[-1]:,} trajectories"
        value = exponent(sizes, times)
        reached = "yes" if value <= EXPONENT else "**no**"
        yield work, f"exponent at most {EXPONENT}", f"{value:.2f}", reached
    pair = [row for row in rows if row.test == "jobs" and row.inner_seconds]
    if len(pair) == 2:
        one, two = (row.inner_seconds or 1.0 for row in pair)
        yield _least("`--jobs 2` on two cores", one / two, TWO_JOBS, "times faster than one")
    for row in rows:
        if row.test == "memory" and row.peak_bytes and row.bytes >= LARGE:
            work = f"{row.contestant}, {row.bytes / 1e9:.3g} GB of files"
            yield _most(work, row.peak_bytes / 1e9, BOUNDED_PEAK, "GB")


def _most(work: str, value: float, target: float, unit: str) -> tuple[str, str, str, str]:
    reached = "yes" if value <= target else "**no**"
    return work, f"at most {target:g} {unit}", f"{value:.3g} {unit}", reached


def _least(work: str, value: float, target: float, unit: str) -> tuple[str, str, str, str]:
    reached = "yes" if value >= target else "**no**"
    return work, f"at least {target:g} {unit}", f"{value:.2g}", reached


def _table(rows: Sequence[FileRow]) -> str:
    lines = ["| input | cores | who | seconds | of the call | MB/s | peak |", "|---" * 7 + "|"]
    shown = ""
    for row in rows:
        label = row.input if row.input != shown else ""
        shown = row.input
        who = f"**{row.contestant}**" if row.side == "ours" else row.contestant
        who += f" {row.version}" * bool(row.version) + f" ({row.note})" * bool(row.note)
        if row.seconds is None or row.peak_bytes is None:
            lines.append(f"| {label} | {row.cores} | {who} | no number: {row.refused} | | | |")
            continue
        inner = f"{row.inner_seconds:.1f}" if row.inner_seconds else ""
        speed, peak = row.bytes / 1e6 / row.seconds, row.peak_bytes / 1e9
        cells = [label, str(row.cores), who, f"{row.seconds:.1f}", inner, f"{speed:,.0f}"]
        lines.append(f"| {' | '.join([*cells, f'{peak:.2f} GB'])} |")
    return "\n".join(lines) + "\n"
