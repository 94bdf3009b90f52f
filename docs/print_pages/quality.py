"""docs/quality.md: every estimator against exact truth, from a committed run."""

import functools
import json
from collections.abc import Iterable, Sequence
from typing import Any

from creditlib.audit.miniatures import LIMITS
from docs.print_pages.functions import ROOT, table

DATA = ROOT / "docs" / "data" / "quality.json"
HEAD = """# What the estimators are worth

This page compares the credit of estimators with the exact advantage, on the finite tasks of
`creditlib.audit`. It includes every reference, estimator, weight and shaper of the library that has
its tensors on at least one of the tasks. Weights and shapers are evaluated together with GRPO.
`creditlib audit NAME` does the same for your estimator. [The JSON of an audit](audit_json.md)
defines the numbers.

The tasks show mechanisms and faults. They do not predict gains of language models: read
[the limits](#limits) with the results."""
USNR_TEXT = """## How much signal a group carries

The table shows the uSNR in percent of the oracle's on the same groups. The uSNR is the
signal-to-noise ratio of the gradient of one group, times the squared cosine of its mean with the
true gradient. With 5, an estimator needs 20 times as many groups as with the exact advantage. ± is
half of the 95 % interval. The best estimator of a column is bold, and so are all whose interval
overlaps with its interval. Estimators that read a critic, a teacher or extra rollouts are not
ranked, because these are made of exact values here."""
COSINE_TEXT = """## In which direction the mean gradient points

The table shows the cosine of the mean gradient with the exact policy gradient. If the cosine and
its interval are below .9, the estimator is called **biased**. Credit with another goal, such as
partial progress, is biased on purpose. `?` means that the interval is wider than ±0.1."""
EXACT_TEXT = """## The expected gradient, exactly

The table is computed over every group of 2 and of 3 trajectories of the tiny forms of the tasks,
without sampling error. A cell has the scale, then the cosine. The scale is the component along the
true gradient, divided by the length of the true gradient. The last column is the lowest cosine over
all tiny tasks that have the tensors of the estimator."""
LEARNING_TEXT = """## How fast a policy learns from it

The table shows the area under the curve of the exact success probability, over {updates} updates of
a table of logits by Adam, with {seeds} paired seeds. The learning rate was tuned for each estimator
on other seeds. Bold has the same meaning as above."""
PATH_TEXT = """## What its own training does to it

The table lists the estimators whose mean gradient becomes biased (cosine below .9) while a policy
is trained with them. All other estimators that were tested stay above .9. `?` means that the groups
do not determine the cosine."""
WINS_TEXT = """## Which estimator wins where

The table lists the best estimators of each task: the one with the largest value, and all whose
interval overlaps with its interval. Estimators that need a critic, a teacher or extra rollouts are
not ranked, because these are made of exact values here. If more than half of the estimators would
be listed, the cell says that the choice hardly matters."""
MISSING_TEXT = """## Estimators that are not audited

No task has the tensors that these estimators need. Your own task may have them: see
[A task of your own](own_task.md)."""
LIMITS_TEXT = "## Limits"
EXACT_TENSORS = {
    *("oracle_advantage", "turn_value", "segment_value", "value", "potential", "baseline"),
    *("teacher_log_prob", "simulated_value_4", "simulated_value_16"),
}
GATE, OPEN = 0.9, 0.1


@functools.cache
def data() -> dict[str, Any]:
    """The committed run."""
    return json.loads(DATA.read_text())


def audited() -> dict[str, Any]:
    """The estimators with rows."""
    return {name: each for name, each in data()["estimators"].items() if each.get("quality")}


def number(value: float) -> str:
    """Three digits without an exponent, and no zero before the point.

    >>> number(0.5), number(12.345), number(-0.25), number(1.0)
    ('.50', '12.3', '-.25', '1.00')
    """
    value = round(value, 6)
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"


def best(cells: dict[str, list[float | None]]) -> set[str]:
    """The one with the largest value, and all whose interval reaches its interval.

    >>> sorted(best({"a": [3.0, 2.5, 3.5], "b": [2.0, 1.0, 2.6], "c": [1.0, 0.5, 1.5]}))
    ['a', 'b']
    """
    known = {name: each for name, each in cells.items() if None not in each}
    if not known:
        return set()
    first = max(known, key=lambda name: known[name][0] or 0.0)
    floor = known[first][1] or 0.0
    return {name for name, each in known.items() if (each[2] or 0.0) >= floor}


def competing(cells: dict[str, list[float | None]]) -> set[str]:
    """The best of those that read no exact value."""
    return best({name: each for name, each in cells.items() if not reads_exact_values(name)})


def reads_exact_values(name: str) -> bool:
    """Whether an estimator reads a tensor that the tasks make of exact values."""
    return not EXACT_TENSORS.isdisjoint(data()["estimators"][name]["needs"])


def cells_of(task: str, metric: str) -> dict[str, list[float | None]]:
    """A metric of all estimators on a task."""
    found = {name: each["quality"].get(task, {}).get(metric) for name, each in audited().items()}
    return {name: each for name, each in found.items() if each is not None}


def _bold(text: str, wanted: bool) -> str:
    return f"**{text}**" if wanted else text


def usnr() -> list[str]:
    """Estimators and tasks: uSNR in percent of the oracle's."""
    columns = {task: cells_of(task, "usnr_over_oracle") for task in data()["tasks"]}
    winners = {task: competing(cells) for task, cells in columns.items()}
    rows = [
        [f"`{name}`", *(_share(columns[t].get(name), name in winners[t]) for t in columns)]
        for name in audited()
    ]
    return table(["estimator", *columns], rows)


def _share(cell: list[float | None] | None, wins: bool) -> str:
    if cell is None or cell[0] is None:
        return "" if cell is None else "–"
    half = "" if None in cell else f" ± {number(50 * ((cell[2] or 0.0) - (cell[1] or 0.0)))}"
    return _bold(f"{number(100 * cell[0])}{half}", wins)


def cosines() -> list[str]:
    """Estimators and tasks: the cosine of the mean."""
    columns = {task: cells_of(task, "cosine") for task in data()["tasks"]}
    rows = [
        [f"`{name}`", *(_cosine(columns[task].get(name)) for task in columns)] for name in audited()
    ]
    return table(["estimator", *columns], rows)


def _cosine(cell: list[float | None] | None) -> str:
    if cell is None:
        return ""
    value, low, high = cell
    if value is None or low is None or high is None:
        return "?"
    if value < GATE and high < GATE:
        return f"**biased {value:.2f}**"
    return "?" if max(high - value, value - low) > OPEN else f"{value:.3f}"


def exacts() -> list[str]:
    """The table by enumeration."""
    shown = [(task, n) for task in ("recovery", "rooms") for n in ("2", "3")]
    header = ["estimator", *(f"{task}, N={n}" for task, n in shown), "worst cosine"]
    rows = [
        [f"`{name}`", *(_exact(each["exact"].get(t, {}).get(n)) for t, n in shown), _worst(each)]
        for name, each in audited().items()
        if each["exact"]
    ]
    return table(header, rows)


def _exact(cell: list[float | None] | None) -> str:
    if cell is None or cell[1] is None:
        return ""
    error = cell[2] if cell[2] is not None else 1.0
    if error < 1e-9:
        return "**exact**"
    return f"{number(cell[1])}, {'–' if cell[0] is None else f'{cell[0]:.4f}'}"


def _worst(each: dict[str, Any]) -> str:
    found = [
        (cell[0], task)
        for task, sizes in each["exact"].items()
        for cell in sizes.values()
        if cell[0] is not None
    ]
    return f"{min(found)[0]:.4f} {min(found)[1]}" if found else "–"


def learning() -> list[str]:
    """Areas under the learning curves."""
    columns: dict[str, dict[str, list[float | None]]] = data()["learning"]
    winners = {task: competing(cells) for task, cells in columns.items()}
    rows = [
        [f"`{name}`", *(_area(columns[t].get(name), name in winners[t]) for t in columns)]
        for name in audited()
        if any(name in cells for cells in columns.values())
    ]
    return table(["estimator", *columns], rows)


def _area(cell: list[float | None] | None, wins: bool) -> str:
    if cell is None or cell[0] is None:
        return ""
    half = ((cell[2] or 0.0) - (cell[1] or 0.0)) / 2
    return _bold(f"{cell[0]:.3f} ± {half:.3f}", wins)


def paths() -> list[str]:
    """Those whose cosine falls below the gate along their own training."""
    updates = sorted({u for each in audited().values() for _, u, _ in _steps(each)}, key=int)
    rows: list[list[str]] = []
    for name, each in audited().items():
        for task, line in each["path"].items():
            if any(value is not None and value < GATE for value in line.values()):
                values = [line.get(update) for update in updates]
                texts = ["?" if value is None else f"{value:.2f}" for value in values]
                rows.append([f"`{name}`", task, *texts])
    return table(["estimator", "task", *(f"update {update}" for update in updates)], rows)


def _steps(each: dict[str, Any]) -> Iterable[tuple[str, str, float | None]]:
    for task, line in each["path"].items():
        for update, value in line.items():
            yield task, update, value


def wins() -> list[str]:
    """For each task who is best in signal and in learning, and where the choice hardly matters."""
    rows: list[list[str]] = []
    for task in data()["tasks"]:
        signal = cells_of(task, "usnr_over_oracle")
        areas = data()["learning"].get(task, {})
        rows.append([task, _named(signal, task), _named(areas) if areas else "not run"])
    return table(["task", "most signal", "fastest learning"], rows)


def _named(cells: dict[str, list[float | None]], task: str = "") -> str:
    """The winners, or that the intervals of most of the estimators overlap.

    task: says where a winner may be biased, and it is then said.
    """
    others = [name for name, each in cells.items() if None not in each]
    others = [name for name in others if not reads_exact_values(name)]
    found = [name for name in others if name in competing(cells)]
    if not found:
        return "none: no estimator has a measured interval"
    if 2 * len(found) > len(others):
        return f"the choice hardly matters: {len(found)} of {len(others)} do not differ clearly"
    cosine = cells_of(task, "cosine")
    return ", ".join(
        f"`{name}`{' (biased)' if 'biased' in _cosine(cosine.get(name)) else ''}" for name in found
    )


def missing() -> list[str]:
    """The estimators that no task has the tensors for."""
    rows = [
        [f"`{name}`", ", ".join(f"`{tensor}`" for tensor in each["missing"])]
        for name, each in data()["estimators"].items()
        if not each.get("quality")
    ]
    return table(["not audited", "tensors that no task has"], rows)


def made() -> str:
    """How the run was made."""
    run = data()
    with_versions = ", ".join(f"{name} {value}" for name, value in run["versions"].items())
    size = run["settings"]
    return (
        f"Made by `python -m docs.quality_run`: {size['groups']} groups of {size['size']} on each "
        f"task, policies with logits 0.5 N(0, 1), seed {size['seed']}; {with_versions}."
    )


def page() -> str:
    """The whole page."""
    parts: Sequence[Sequence[str]] = [
        [HEAD],
        [made()],
        [WINS_TEXT],
        wins(),
        [USNR_TEXT],
        usnr(),
        [COSINE_TEXT],
        cosines(),
        [EXACT_TEXT],
        exacts(),
        [LEARNING_TEXT.format(**data()["settings"])],
        learning(),
        [PATH_TEXT],
        paths(),
        [LIMITS_TEXT],
        [f"- {limit}" for limit in LIMITS],
        [MISSING_TEXT],
        missing(),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"
