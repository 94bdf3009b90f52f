"""`creditlib estimators`: the catalogue of functions."""

from __future__ import annotations

from creditlib.cli.typer_app import app, make_console
from creditlib.report.catalogue import catalogue_table

__all__ = ["estimators"]


@app.command(short_help="List the estimators and which tensors they need.")
def estimators() -> None:
    """List every estimator, weight and shaper with what it credits and which tensors it needs."""
    make_console().print(catalogue_table())
