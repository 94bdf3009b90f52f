"""Writes docs/performance.md and its plots from the rows of results, and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks import figures, grid, plots, predicted, rivals
from benchmarks.files import page as files_page
from benchmarks.results import Row, latest, read
from benchmarks.show import duration, ratio

__all__ = ["NO_GPU", "page", "write"]

NO_GPU = "not yet run on a GPU"
NO_GPU_TEXT = "`make gpu` measures it, itself not yet run on a GPU."
RIVALS = f"rl-triton, compiled associative scan, eager loop: {NO_GPU}"
HEAD = """\
# Performance

Written by `python -m benchmarks report` from the rows in `benchmarks/results/`; do not edit.

- **Floor**: the bytes of a call, each input read once and each result written once in the dtypes
  given, at the speed of a copy of as many bytes measured in the same rounds. Nothing that reads its
  input can be faster.
- **Gate**: a contestant must give the credit of the torch reference on that very input, or it gets
  no number. What peers return on tokens outside the turns is compared as 0.
- **Times** are medians (20th to 80th percentile), contestants taking turns in rounds; ratios are
  taken inside one run. Slow peers run at least three times. "out=" writes into given tensors;
  the figures to reach are judged with it where a function has it.
- **Allocation**: the allocator is made warm for everybody: freed memory is kept, its pages
  resident. **By default** is the same call in a process of its own with glibc's own settings, which
  maps tensors of 32 MiB and more anew at each call, and often smaller ones; the fastest peer is
  there too, if it takes less than 0.2 s. Two variables make a process warm:
  [Where it runs](backends.md#memory-of-results).
- **On a GPU** a time is that of the device alone: a CUDA graph replayed over input sets that do not
  fit into its L2 cache together. The floor is replayed in the same way. "wall" begins at an idle
  device and ends when the result is there.
- **Peak**: resident memory beyond what was there before the call, results included, in float32
  tensors of the row's shape.
- **Peers** are other people's unmodified code, called by `benchmarks/peers/`; each adapter says
  which differences of convention it bridges.
"""
MAKE = """\
## Run it yourself

```console
make bench                                     # the whole grid
python -m benchmarks --no-default              # without a process with default settings for a row
python -m benchmarks --only gae --threads 1    # some rows
python -m benchmarks --peer slime=PATH         # a peer from a checkout; installed ones are found
python -m benchmarks --base HEAD~1 --only gae  # this tree against another commit, in turn
python -m benchmarks --device cuda             # replays of CUDA graphs, launches, waiting time
make gpu                                       # on a GPU: eight minutes, with forms and rivals
```
"""


def write(files: Sequence[Path], docs: Path, folder: Path | None = None) -> list[Path]:
    """The page and its plots; returns what was written. `folder` has what is only predicted."""
    rows = latest(read(files))
    made: list[Path] = []
    for machine in sorted({row.machine for row in rows}):
        mine = [row for row in rows if row.machine == machine]
        made += plots.draw(mine, docs / "plots", machine)
        made += rivals.draw(mine, docs / "plots", machine)
    docs.mkdir(parents=True, exist_ok=True)
    path = docs / "performance.md"
    more = [predicted.section(folder)]
    more += [files_page.section(folder.with_name("files"))] if folder else []
    text = "\n".join(each for each in more if each)
    path.write_text(page(rows, [each.name for each in made], text))
    return [path, *made]


def page(rows: Sequence[Row], pictures: Sequence[str] = (), foreseen: str = "") -> str:
    """The whole page as text."""
    parts = [HEAD]
    for device in ("cpu", "cuda"):
        title = "CPU" if device == "cpu" else "GPU"
        there = [row for row in rows if row.device == device]
        if not there:
            parts.append(f"## {title}\n\n{'No rows yet.' if device == 'cpu' else NO_GPU_TEXT}\n")
        for machine in sorted({row.machine for row in there}):
            mine = [row for row in there if row.machine == machine]
            parts += _machine(title, machine, mine, pictures)
    parts.append(_unmeasured(rows))
    parts += [foreseen] if foreseen else []
    return "\n".join([*parts, MAKE])


def _unmeasured(rows: Sequence[Row]) -> str:
    """A line for each operation without a row from a GPU."""
    seen = {row.op for row in rows if row.device == "cuda" and row.p50_us is not None}
    ops = dict.fromkeys(plan.op for plan in grid.plans() if not plan.axis)
    lines = [
        f"| {op} | {' | '.join([NO_GPU] * 4)} | {RIVALS if op == 'gae' else ''} |"
        for op in ops
        if op not in seen
    ]
    if not lines:
        return ""
    head = "| operation | x floor | launches | wall | peak | against |\n" + "|---" * 6 + "|"
    return "\n".join([head, *lines]) + "\n"


def _machine(title: str, machine: str, rows: Sequence[Row], pictures: Sequence[str]) -> list[str]:
    newest = max(rows, key=lambda row: (row.date, int(row.threads or 0)))
    tools = [f"{name} {getattr(newest, name)}" for name in ("python", "torch", "numba", "triton")]
    states = sorted({f"{row.commit}{' with changes' * (row.dirty == 'yes')}" for row in rows})
    about = (
        f"{newest.threads} threads, {', '.join(tool for tool in tools if not tool.endswith(' '))}; "
        f"commit {', '.join(states)}; {newest.date[:10]}."
    )
    parts = [f"## {title}: {machine}\n\n{about}\n", f"{_peers(rows)}\n"]
    chart = f"{machine}{rivals.ENDING}"
    if chart in pictures:
        parts.append(f"![{rivals.TITLE}](plots/{chart})\n")
    verdicts = figures.judge(rows)
    parts.append(f"### The figures to reach\n\n{_verdicts(verdicts)}\n")
    if title == "GPU":
        parts[-1] = ""
    growth = figures.judge_exponents(rows)
    if growth:
        drawn = "\n".join(
            f"![{name}](plots/{name})"
            for name in pictures
            if name.startswith(f"{machine}-") and name != chart
        )
        text = "Least squares over log time and log size; three decades from the smallest size."
        parts.append(f"### Growth\n\n{text}\n\n{_verdicts(growth)}\n\n{drawn}\n")
    parts.append("### All rows\n")
    ops = list(dict.fromkeys(row.op for row in rows if not row.axis))
    parts += [_table(op, [row for row in rows if row.op == op and not row.axis]) for op in ops]
    return [part for part in parts if part]


def _peers(rows: Sequence[Row]) -> str:
    others = [
        row for row in rows if row.side == "peer" and not row.contestant.startswith(rivals.OWN)
    ]
    found = sorted({(row.contestant.split()[0], row.version) for row in others})
    named = ", ".join(f"{name} {version}" for name, version in found if version)
    return f"Peers: {named}." if named else "No peers took part."


def _verdicts(verdicts: Sequence[figures.Verdict]) -> str:
    lines = ["| work | to reach | measured | reached |", "|---|---|---|---|"]
    for each in verdicts:
        reached = "**no**" if each.reached == "no" else each.reached
        reached += f": {each.reason}" if each.reason else ""
        lines.append(f"| {each.work} | {each.target} | {each.measured} | {reached} |")
    return "\n".join(lines)


def _table(op: str, rows: Sequence[Row]) -> str:
    gpu = any(row.device == "cuda" for row in rows)
    default = any(row.default_us is not None for row in rows)
    names = ["input", "contestant", "time", "x floor", "x creditlib", "peak"]
    names += ["by default"] * default + ["launches", "wall"] * gpu
    lines = [f"#### {op}\n", f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    ours = {row.key: row.p50_us for row in rows if row.contestant == "creditlib"}
    shown = ""
    for row in rows:
        more = [""] * (default + 2 * gpu)
        label = f"{row.shape} {row.variant}".strip()
        if label != shown:
            shown = label
            cells = [label, "*floor*", duration(row.floor_us), "1", "", ""]
            lines.append(f"| {' | '.join([*cells, *more])} |")
        cells = _cells(row, ours.get(row.key))
        more = [duration(row.default_us)] * default + _device_cells(row) * gpu
        lines.append(f"| {' | '.join([*cells, *more])} |")
    whys = dict.fromkeys(f"{row.shape}: {row.why}" for row in rows)
    return "\n".join([*lines, "", *(f"{why}.  " for why in whys)]) + "\n"


def _device_cells(row: Row) -> list[str]:
    return ["" if row.launches is None else str(row.launches), duration(row.wall_us)]


def _cells(row: Row, ours: float | None) -> list[str]:
    if row.p50_us is None:
        return ["", row.contestant, f"no number: {row.refused}", "", "", ""]
    few = f", {row.repeats} repeats" if row.repeats is not None and row.repeats <= 3 else ""
    time = f"{duration(row.p50_us)} ({duration(row.p20_us)} to {duration(row.p80_us)}{few})"
    who = f"{row.contestant} ({row.note})" if row.note else row.contestant
    return [
        "",
        f"**{who}**" if row.side == "ours" else who,
        time,
        ratio(row.p50_us / row.floor_us) if row.floor_us else "",
        ratio(row.p50_us / ours) if ours else "",
        "" if row.peak_tensors is None else f"{row.peak_tensors:.1f}",
    ]
