"""The typer app that every command adds itself to, and what the commands share."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from rich.console import Console

from creditlib.version import __version__
from creditlib.vocabulary.messages import ContractError

__all__ = ["KEY_HELP", "app", "make_console", "name_and_value"]

# The option `--key` of the commands that read rollouts.
KEY_HELP = "What a key of a row is: group, outcome, messages, prompt or id; such as group=task_id."

app = typer.Typer(
    help="Credit assignment for reinforcement learning of language models and agents.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"creditlib {__version__}")
        raise typer.Exit


@app.callback()
def _options_before_commands(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """The options that come before a command."""


def make_console(needed: int = 0, width: int | None = None) -> Console:
    """A console as wide as the terminal; for a pipe or a file it is wide enough for the tables.

    `width` is what the user asked for instead.
    """
    if width is not None:
        return Console(width=width)
    wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=max(120, needed)) if wide else Console()


def name_and_value(command: str, flag: str, text: str) -> tuple[str, str]:
    """Both sides of `name=value`.

    >>> name_and_value("explain", "--option", "grpo.scale=None")
    ('grpo.scale', 'None')
    """
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise ContractError(f"{command}: `{flag}` must be name=value, got {text!r}.")
    return name, value
