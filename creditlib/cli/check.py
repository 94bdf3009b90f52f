"""`creditlib check`: the laws of credit on any function."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from creditlib.cli.as_typed import as_typed
from creditlib.cli.named_modules import import_named
from creditlib.cli.typer_app import app, make_console
from creditlib.report import law_report

__all__ = ["check"]

# How refusals of the functions below start, and what the user typed in their place.
_FLAGS = {
    "resolve: `name`": "function",
    "conformance_report: `signature`": "--signature",
}
_FUNCTIONS = ("check_estimator", "conformance_report")


@app.command(short_help="Check a function against the laws of credit.")
def check(
    function: Annotated[str, typer.Argument(help="Name or mypkg.module:function.")],
    signature: Annotated[
        str | None, typer.Option(help="Calling convention: verl, skyrl or trl.")
    ] = None,
    law: Annotated[list[str] | None, typer.Option(help="Only this law; repeatable.")] = None,
    strict: Annotated[
        str | None,
        typer.Option(help="Last tier of faults: contract, invariance (default) or property."),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(help="law=reason: a law that is broken by design; repeatable."),
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="Option of the function: gamma=0.9.")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="Batches for each law.")] = 100,
    seed: Annotated[int | None, typer.Option(help="Seed of the batches.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after this many seconds.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check a function, yours or a trainer's, against the laws; exit code 1 for a fault.

    A broken law is a fault up to the tier of --strict, and always if --law names it. A law of a
    later tier is reported only. `creditlib laws` lists the laws and their tiers.
    """
    import_named("check", "function", function)
    typed = [text.partition("=")[0] for text in option or ()]
    with as_typed("check", _FLAGS, options=typed, functions=_FUNCTIONS):
        report = law_report.checked_by_laws(
            function,
            signature=signature,
            laws=law,
            strict=strict,
            skip=skip or (),
            options=option or (),
            examples=examples,
            seed=seed,
            seconds=seconds,
            progress=sys.stderr.isatty() and not as_json,
        )
    if as_json:
        typer.echo(law_report.as_json(report, function, signature))
    else:
        make_console().print(law_report.verdict_table(report))
        law_report.print_broken(report, make_console(), function)
    if report.faults:
        raise typer.Exit(1)
