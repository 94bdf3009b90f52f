"""Every command by one import, in the order of the help, and the function that runs them."""

from __future__ import annotations

import io
import sys
from typing import Any

import typer

# isort: off
from creditlib.cli import estimators as estimators
from creditlib.cli import explain as explain
from creditlib.cli import report as report
from creditlib.cli import credit as credit
from creditlib.cli import check as check
from creditlib.cli import laws as laws
from creditlib.cli import audit as audit
from creditlib.cli import claims as claims
from creditlib.cli import doctor as doctor
from creditlib.cli import demo as demo

# isort: on
from creditlib.cli.typer_app import app
from creditlib.vocabulary.messages import ContractError, one_line, printable

__all__ = ["app", "run"]

# What typer raises for a wrong command line. Releases of typer import it from different packages.
_UsageError: Any = next(
    each for each in typer.BadParameter.__mro__ if each.__name__ == "ClickException"
)


def run() -> None:
    """Run the command line; a mistake of the user is one sentence on stderr and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # '?' for a character the terminal lacks
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        sys.stderr.write("Aborted.\n")
        raise SystemExit(1) from None
    except _UsageError as error:
        error.message = printable(error.message)
        error.show()
        raise SystemExit(error.exit_code) from None
    except (ContractError, ModuleNotFoundError, OSError) as error:
        sys.stderr.write(f"creditlib: {_sentence(error)}\n")
        raise SystemExit(2) from None
    raise SystemExit(code)


def _sentence(error: Exception) -> str:
    """One line without control characters: names and values of a file may hold any."""
    if isinstance(error, OSError) and error.filename is not None:
        return one_line(f"{error.strerror}: {error.filename}.")
    return one_line(error)
