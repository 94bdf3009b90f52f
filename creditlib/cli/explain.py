"""`creditlib explain`: how estimators credit the rollouts of a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
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
from creditlib.report.explain import explain as explain_rollouts
from creditlib.report.explain_choice import SORTS
from creditlib.report.explain_json import explain_json
from creditlib.report.page import check_page_file, write_report
from creditlib.rollouts.formats import AUTO
from creditlib.vocabulary.messages import one_line

__all__ = ["explain"]

# How refusals of the functions below start, and the option that their argument comes from.
_FLAGS = {
    "explain: `group`": "--group",
    "explain: `sort`": "--sort",
    "explain: `top`": "--top",
    "report_page: `estimators`": "--estimator",
    "write_report: `file`": "--html",
}
_MORE = "`--group NAME`, `--all`, or a page for the browser with `--html report.html`"


@app.command(short_help="Show how estimators credit your rollouts.")
def explain(
    files: FileNames,
    estimator: EstimatorNames,
    group: Annotated[
        list[str] | None, typer.Option("--group", "-g", help="Group to show whole; repeatable.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show every group whole.")] = False,
    sort: Annotated[str, typer.Option(help=f"Order of groups: {', '.join(SORTS)}.")] = "spread",
    top: Annotated[
        int | None, typer.Option(help="Turns of a trajectory with the largest |credit|; 0: all.")
    ] = None,
    width: Annotated[
        int | None, typer.Option(min=20, help="Characters of a line; else the terminal's.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="Such as gigpo.gamma=0.9.")
    ] = None,
    format: FormatName = AUTO,
    similarity: Similarity = None,
    key: KeyNames = None,
    reward_weight: RewardWeights = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write a page for the browser to this file instead.")
    ] = None,
) -> None:
    """Show on one screen where credit goes, and one group turn by turn.

    The group is the first in the order of --sort, with its best and its worst trajectory.
    """
    with options_as_typed("explain", _FLAGS):
        options = option_values("explain", option, estimator)
        if html is not None:
            check_page_file(html)
        rollouts = read_rollouts(
            "explain",
            files,
            estimator,
            format=format,
            similarity=similarity,
            key=key,
            reward_weight=reward_weight,
            options=options,
        )
        if as_json:
            found = explain_json(rollouts, estimator, groups=group, sort=sort, options=options)
            if found["summary"] is None:
                _refuse([each["reason"] for each in found["estimators"]])
            typer.echo(json.dumps(found, ensure_ascii=False, allow_nan=False))
            return
        explanation = explain_rollouts(
            rollouts,
            estimator,
            groups=group,
            limit=None if every else 1,
            sort=sort,
            top=top,
            options=options,
            more=_MORE,
        )
        if not explanation.credited:
            _refuse(explanation.reasons)
        if html is not None:
            title = page_title(files)
            write_report(rollouts, estimator, html, options=options, title=title)
            make_console().print(Text(one_line(f"wrote {html}.")), soft_wrap=True)
            return
    console = make_console(explanation.width, width)
    for part in explanation.parts:
        console.print(part)


def _refuse(reasons: Sequence[str]) -> None:
    """No estimator can run: its sentence, and nothing else."""
    for reason in reasons:
        sys.stderr.write(f"creditlib: explain: {reason}\n")
    raise typer.Exit(2)
