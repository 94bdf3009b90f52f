"""The command line: one file a command, in `creditlib.cli.app` in the order of the help."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; a missing package is one sentence on stderr and exit code 2."""
    try:
        from creditlib.cli.app import run
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("typer", "rich"):
            raise
        from creditlib.vocabulary.install_hint import install_hint

        hint = install_hint("cli")
        sys.stderr.write(f"creditlib: the command line needs {package}: {hint}.\n")
        raise SystemExit(2) from None
    run()
