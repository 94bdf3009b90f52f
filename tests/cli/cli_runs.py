"""What the tests of the command line share."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from creditlib import cli
from creditlib.cli import app


def run(*args):
    return CliRunner().invoke(app.app, [str(arg) for arg in args])


def error_of(monkeypatch, capsys, *args):
    """What `main` writes to stderr, as a shell sees it."""
    monkeypatch.setattr(sys, "argv", ["creditlib", *map(str, args)])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def run_process(*args, **environment):
    """The command line as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "creditlib", *map(str, args)],
        capture_output=True,
        env={**os.environ, **environment},
    )
