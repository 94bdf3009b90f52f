"""`creditlib report`: how estimators credit the rollouts of a file, as one page for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from creditlib.cli.rollout_options import (
    EstimatorNames,
    FileNames,
    FormatName,
    KeyNames,
    RewardWeights,
    Similarity,
    option_values,
    options_as_typed,
    page_title,
    read_rollouts,
)
from creditlib.cli.typer_app import app, make_console
from creditlib.report.page import LIMIT, Report, check_page_file, write_report
from creditlib.rollouts.formats import AUTO
from creditlib.vocabulary.messages import one_line

__all__ = ["report"]

# How refusals of the functions below start, and the option that their argument comes from.
_FLAGS = {
    "report_page: `estimators`": "--estimator",
    "write_report: `file`": "--out",
}


@app.command(short_help="Write a page for the browser on the credit of your rollouts.")
def report(
    files: FileNames,
    estimator: EstimatorNames,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Page to write; an existing file is replaced.")
    ] = Path("report.html"),
    title: Annotated[str | None, typer.Option(help="Heading of the page.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Trajectories on the page; of more, groups are drawn.")
    ] = LIMIT,
    option: Annotated[
        list[str] | None, typer.Option("--option", help="Such as gigpo.gamma=0.9; repeatable.")
    ] = None,
    format: FormatName = AUTO,
    similarity: Similarity = None,
    key: KeyNames = None,
    reward_weight: RewardWeights = None,
) -> None:
    """Write one HTML page: where credit goes, where estimators disagree, each group turn by turn.

    The page needs no network. It shows the texts of rollouts and runs nothing in them.
    """
    with options_as_typed("report", _FLAGS):
        options = option_values("report", option, estimator)
        check_page_file(out)
        rollouts = read_rollouts(
            "report",
            files,
            estimator,
            format=format,
            similarity=similarity,
            key=key,
            reward_weight=reward_weight,
            options=options,
        )
        named = title or page_title(files)
        written = write_report(rollouts, estimator, out, options=options, title=named, limit=limit)
    console = make_console()
    size = len(written.html.encode())
    console.print(Text(one_line(f"wrote {out} ({_size(size)}).")), soft_wrap=True)
    for sentence in _first_look(written):
        console.print(Text(one_line(sentence)), soft_wrap=True)


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _first_look(written: Report) -> list[str]:
    """What a reader should know before he opens the page."""
    summary = written.summary
    groups = len(summary.by_group)
    noun = "group" if summary.groups == 1 else "groups"
    has = "has" if summary.informative == 1 else "have"
    found = [f"{summary.informative:,} of {summary.groups:,} {noun} {has} credit that is not 0."]
    shown = len(written.groups)
    if shown < groups:
        found.append(f"The page shows {shown:,} of {groups:,} groups; a larger --limit shows more.")
    if written.cut_groups:
        cut = f"{written.cut_groups:,} {'group' if written.cut_groups == 1 else 'groups'}"
        found.append(f"It shows a sample of {cut}; a larger --limit shows more trajectories.")
    if written.with_texts < shown:
        kept = f"{written.with_texts:,} {'group' if written.with_texts == 1 else 'groups'}"
        found.append(f"It has the texts of {kept}; a larger --limit keeps more.")
    if summary.findings:
        found.append(f"Look first at this: {summary.findings[0].sentence}")
    return found
