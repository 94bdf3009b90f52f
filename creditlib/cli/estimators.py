"""`creditlib estimators`: the catalogue of functions."""

from __future__ import annotations

from typing import Annotated

import typer

from creditlib.cli.as_typed import as_typed
from creditlib.cli.typer_app import app, make_console
from creditlib.report.catalogue import (
    KINDS,
    LEVELS,
    catalogue,
    catalogue_as_json,
    catalogue_table,
    plugin_entries,
    selected,
)

__all__ = ["estimators"]

_FLAGS = {f"selected: `{name}`": f"--{name}" for name in ("kind", "level", "needs")}


@app.command(short_help="List the estimators and which tensors they need.")
def estimators(
    kind: Annotated[str | None, typer.Option(help=f"Only this kind: {', '.join(KINDS)}.")] = None,
    level: Annotated[
        str | None, typer.Option(help=f"Only with a result of this level: {', '.join(LEVELS)}.")
    ] = None,
    needs: Annotated[
        str | None, typer.Option(metavar="TENSOR", help="Only those that read this tensor.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List every function with what it credits and which tensors it needs.

    Estimators and the recipes of papers return credit. Weights return factors on credit, and
    shapers return rewards. Plug-ins of installed packages stand at the end.
    """
    with as_typed("estimators", _FLAGS):
        found = selected([*catalogue(), *plugin_entries()], kind=kind, level=level, needs=needs)
    if as_json:
        typer.echo(catalogue_as_json(found))
    elif found:
        make_console().print(catalogue_table(found))
    else:
        typer.echo("No function is of this kind and level and reads this tensor.")
