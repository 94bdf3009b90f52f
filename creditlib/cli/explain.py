"""`creditlib explain`: how estimators credit the rollouts of a file."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from creditlib.cli.named_modules import import_named
from creditlib.cli.typer_app import KEY_HELP, app, make_console, name_and_value
from creditlib.registry import resolve
from creditlib.report import explain as explain_rollouts
from creditlib.report.law_report import value_of
from creditlib.rollouts import read
from creditlib.rollouts.formats import AUTO, format_names
from creditlib.vocabulary.messages import ContractError

__all__ = ["explain"]

# How refusals of the functions below start, and the option that their argument comes from.
_FLAGS = {
    "resolve: `name`": "--estimator",
    "read: `path`": "FILE",
    "read: `format`": "--format",
    "read: `reward_weights`": "--reward-weight",
    "read: `keys`": "--key",
    "explain: `group`": "--group",
    "anchor_ids: `similarity`": "--similarity",
}
_FORMATS = f"{AUTO}, {format_names()}, or mypkg.module:FORMAT."


@app.command(short_help="Show how estimators credit your rollouts.")
def explain(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="JSON or Parquet files, folders, quoted patterns, or -.",
        ),
    ],
    estimator: Annotated[
        list[str], typer.Option("--estimator", "-e", help="Name or mypkg.module:function.")
    ],
    group: Annotated[
        list[str] | None, typer.Option("--group", "-g", help="Group to show; repeatable.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show every group.")] = False,
    format: Annotated[str, typer.Option(help=_FORMATS)] = AUTO,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="Such as gigpo.gamma=0.9.")
    ] = None,
    similarity: Annotated[
        float | None,
        typer.Option(help="Share an anchor from this similarity of observations, 0 to 1."),
    ] = None,
    key: Annotated[list[str] | None, typer.Option("--key", help=KEY_HELP)] = None,
    reward_weight: Annotated[
        list[str] | None,
        typer.Option("--reward-weight", help="TRL: reward column to sum, such as accuracy=1.0."),
    ] = None,
) -> None:
    """Show turn by turn how estimators credit the trajectories of a group."""
    import_named("explain", "--estimator", *estimator)
    import_named("explain", "--format", format)
    options = _options(option or [], estimator)
    weights = dict(_weight(text) for text in reward_weight or [])
    keys = dict(name_and_value("explain", "--key", text) for text in key or [])
    with _options_as_typed():
        for name in estimator:
            resolve(name)
        rollouts = read(
            files,
            format=format,
            similarity=similarity,
            reward_weights=weights or None,
            keys=keys or None,
        )
        explanation = explain_rollouts(
            rollouts,
            estimator,
            groups=group,
            limit=None if every else 3,
            options=options,
            more="`--group NAME` or `--all`",
        )
    make_console(explanation.width).print(explanation)
    if not explanation.credited:
        raise typer.Exit(2)


@contextmanager
def _options_as_typed() -> Generator[None]:
    """Refusals of an argument name the option that the user typed in its place."""
    try:
        yield
    except ContractError as error:
        text = str(error)
        for argument, flag in _FLAGS.items():
            if text.startswith(argument):
                raise ContractError(f"explain: `{flag}`{text.removeprefix(argument)}") from None
        raise


def _weight(text: str) -> tuple[str, float]:
    name, value = name_and_value("explain", "--reward-weight", text)
    try:
        return name, float(value)
    except ValueError:
        raise ContractError(
            f"explain: `--reward-weight` must be a number for {name}, got {value!r}."
        ) from None


def _options(texts: list[str], estimators: list[str]) -> dict[str, dict[str, Any]]:
    """'gigpo.gamma=0.9' as {'gigpo': {'gamma': 0.9}}; the value is JSON, or else text."""
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        key, value = name_and_value("explain", "--option", text)
        estimator, _, name = key.rpartition(".")
        if estimator not in estimators:
            names = ", ".join(estimators)
            raise ContractError(
                f"explain: `--option` must start with an estimator of the command ({names}) and a "
                f"dot, got {text!r}."
            )
        found.setdefault(estimator, {})[name] = value_of(value, "explain")
    return found
