"""`creditlib laws`: the laws of credit that `creditlib check` runs."""

from __future__ import annotations

from typing import Annotated

import typer

from creditlib.cli.typer_app import app, make_console
from creditlib.report import law_list

__all__ = ["laws"]


@app.command(short_help="List the laws of credit.")
def laws(
    tier: Annotated[
        str | None, typer.Option(help="Only this tier: contract, invariance or property.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List every law that `check` runs: its name, its tier and its statement."""
    found = law_list.laws_in(tier)
    if as_json:
        typer.echo(law_list.laws_as_json(found))
    else:
        make_console().print(law_list.laws_table(found))
