"""Every command by one import, in the order of the help, and the function that runs them."""

from __future__ import annotations

import io
import sys

# isort: off
from creditlib.cli import estimators as estimators
from creditlib.cli import explain as explain
from creditlib.cli import check as check
from creditlib.cli import doctor as doctor
from creditlib.cli import demo as demo

# isort: on
from creditlib.cli.typer_app import app
from creditlib.vocabulary.messages import ContractError

__all__ = ["app", "run"]


def run() -> None:
    """Run the command line; a mistake of the user is one sentence on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # '?' for a character the terminal lacks
    try:
        app()
    except (ContractError, ModuleNotFoundError, OSError) as error:
        sys.stderr.write(f"creditlib: {_sentence(error)}\n")
        raise SystemExit(2) from None


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.strerror}: {error.filename}."
    return str(error)
